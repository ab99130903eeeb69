"""The tab "Scan": what a whole folder says, page by page."""
