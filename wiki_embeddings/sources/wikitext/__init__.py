"""Turns wikitext into plain text; `conversion.convert` is the entry point.

* `conversion`: the steps, in order.
* `page`: what the conversion knows of the page and its wiki.
* `balance`: drops unbalanced markup, and elements that never reach the text, before parsing.
* `variants`: language variants, `-{…}-`.
* `render`: what a reader sees of each parsed node.
* `links`: the text of wikilinks; namespaces, projects, other languages.
* `templates`: what templates show, one module for each kind; `editions`, for each language.
* `parser_functions`: {{#if:…}} and its like; `expressions`: their arithmetic.
* `calendar_dates`: dates as the wiki's language writes them.
* `digits`: grouped digits and superscripts.
* `markers`: placeholder characters that carry notes from one step to the next.
* `cleanup`: the last step; lines, blank lines, empty sections.
* `headings`: joins the blocks of text, and says where headings are.
* `bold_italic`: apostrophes that make text bold or italic, and those that are text.
* `holes`: drops the words that only introduced a vanished template; `function_words`: their lists.
* `punctuation`: repairs the punctuation around removed markup.
"""

CONVERSION = 2
"""Version of the conversion: raise it with every change that changes a text."""
