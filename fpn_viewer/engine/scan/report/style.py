"""How a report looks: one style sheet for the light, the dark and paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2026; --soft: #5a6270; --ground: #fff; --panel: #f4f6f8; --line: #d5dae1;
  --mark: #0072b2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa4b2; --ground: #16191d; --panel: #1f242a; --line: #363d46; --mark: #56b4e9 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px; max-width: 1100px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 26px; margin: 0 0 4px } h2 { font-size: 20px; margin: 40px 0 8px } h3 { font-size: 16px; margin: 24px 0 4px }
p { margin: 6px 0; max-width: 75ch } .soft, figcaption, caption { color: var(--soft) }
.glance { font-size: 17px; border-left: 4px solid var(--mark); padding-left: 12px }
nav a { margin-right: 16px; color: var(--mark) }
.wide { overflow-x: auto; margin: 10px 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding: 4px 0 }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th { font-weight: 600 } thead th:not(:first-child) { white-space: normal; vertical-align: bottom }
th[scope=row], thead th:first-child { text-align: left } th[title] { cursor: help }
.bar { display: inline-block; min-width: 110px;
  background: linear-gradient(to right, color-mix(in srgb, var(--mark) 35%, transparent) var(--part), transparent var(--part)) }
.heat { display: block; margin: -4px -10px; padding: 4px 10px;
  background: color-mix(in srgb, #d55e00 calc(var(--part) * .6), transparent) }
figure { margin: 12px 0 } figure > svg { width: 100%; height: auto; font-size: 13px }
svg text { fill: currentColor } .hole { fill: #7a5195; fill-opacity: .18 }
.limit { stroke: var(--ink); stroke-dasharray: 5 3; fill: none }
.grid { stroke: var(--line); fill: none }
.patterns { position: absolute }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px } .legend svg { vertical-align: -2px }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 14px }
.case { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; overflow: hidden }
.case img, .case .none { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #0008 }
.case .none { display: grid; place-content: center; padding: 16px; text-align: center; color: #fff }
.case div.said { padding: 8px 10px; font-size: 13px; overflow-wrap: anywhere } .case b { display: block }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px } dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
details { margin: 8px 0 } summary { cursor: pointer; color: var(--mark) }
@media print { body { max-width: none } .case, figure { break-inside: avoid } }
"""
