"""The pages about messages: what goes out, what it says, in which languages. Named addresses come before ids."""

from surveillance.web.pages import languages, letters, messages, texts, wording

PAGES = (texts.pages, wording.pages, languages.pages, letters.pages, messages.pages)
