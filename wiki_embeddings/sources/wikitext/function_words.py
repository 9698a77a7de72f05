"""Words that cannot end a clause, of the languages with large editions.

`holes` drops them with a vanished template that they introduced.
"""

from __future__ import annotations

_PREPOSITIONS = {
    "en": "about above across after against along among around as at before behind below beneath "
    "beside between beyond by despite during for from in inside into near of off on onto outside "
    "over per since than through throughout to toward towards under until up upon via with within "
    "without",
    "de": "ab am an auf aus bei beim bis durch für gegen im in mit nach seit über um unter vom von "
    "vor zu zum zur zwischen",
    "fr": "à au aux avec chez contre dans de depuis des dès du en entre jusqu'en jusqu'à par "
    "pendant pour sans sous sur vers",
    "es": "a al bajo con contra de del desde durante en entre hacia hasta para por sin sobre",
    "pt": "a ao aos até com da das de desde do dos durante em entre na nas no nos para pela pelo "
    "por sem sob sobre à às",
    "it": "a ad al alla con da dal dalla del della di dal fino in nel nella per su sul tra fra",
    "pl": "dla do na nad o od po pod przed przez przy w we z za ze dnia",
    "nl": "aan bij binnen door in met na naar om onder op over rond sinds te tegen tot tussen uit "
    "van vanaf via voor",
    "sv": "av efter före från för hos i kring med mellan mot om på sedan till under ur vid över",
    "ru": "без в во для до за из к ко на над о об около от по под при про с со у через",
    "uk": "без в від для до за з зі із і на над о об по під при про у через близько",
    "ar": "في من إلى على عن حتى منذ بين حوالي نحو بعد قبل عام سنة خلال",
    "fa": "در از به تا با برای",
    "he": "של על עם אל מן בין",
    "tr": "ile için",
    "hi": "लगभग करीब",
}
_QUALIFIERS = {
    "en": "a aged an approximately circa exactly just nearly only roughly some the almost",
    "de": "ca. circa dem den der die das einem einer einen einer etwa fast rund ungefähr",
    "fr": "environ la le les l' un une quelque",
    "es": "aproximadamente el la las los unos unas un una cerca",
    "pt": "aproximadamente o os as um uma cerca",
    "it": "circa il lo la i gli le un una uno",
    "pl": "około ok. prawie",
    "nl": "de het een ongeveer circa bijna",
    "sv": "cirka ca den det en ett omkring ungefär",
    "ru": "примерно приблизительно почти",
}
_JOINTS = "and or und oder et ou y o e i lub en of och eller и или و أو"
_COPULAS = {
    "en": "are be been had has have is was were equals equalled totalled totaled reached "
    "covers covered weighs weighed contains contained lies",
    "de": "beträgt betrug hat hatte ist sind war waren umfasst umfasste zählt zählte wiegt liegt",
    "fr": "est était sont étaient a avait compte comptait couvre mesure",
    "es": "es era son eran fue tiene tenía está cuenta cubre mide",
    "pt": "é era são eram foi tem tinha possui cobre mede",
    "it": "è era sono erano ha aveva fu conta copre misura",
    "pl": "jest był była było wynosi wynosiła ma miał miała liczy liczył liczyła",
    "nl": "bedraagt bedroeg heeft had is was waren zijn telt telde beslaat weegt ligt",
    "sv": "hade har var är väger ligger",
    "ru": "составляет составляла составил составила была был было имеет насчитывает весит",
    "uk": "становить становила має налічує",
}
_COUNTED = {
    "en": "metres meters metre meter kilometres kilometers miles feet inches yards acres hectares "
    "tonnes tons kilograms pounds years months weeks days hours minutes seconds people persons "
    "inhabitants residents households families members students employees",
    "de": "Meter Metern Kilometer Kilometern Quadratkilometer Quadratkilometern Hektar Tonnen "
    "Kilogramm Jahre Jahren Monate Monaten Wochen Tage Tagen Stunden Minuten Einwohner Einwohnern "
    "Menschen Personen Mitglieder Mitgliedern",
    "fr": "mètres kilomètres hectares tonnes kilogrammes ans années mois jours heures minutes "
    "habitants personnes membres",
    "es": "metros kilómetros hectáreas toneladas kilogramos años meses días horas minutos "
    "habitantes personas miembros",
    "pt": "metros quilómetros quilômetros hectares toneladas anos meses dias horas minutos "
    "habitantes pessoas membros",
    "it": "metri chilometri ettari tonnellate anni mesi giorni ore minuti abitanti persone membri",
    "pl": "metrów kilometrów hektarów ton lat miesięcy dni godzin minut mieszkańców osób członków",
    "nl": "meter kilometer hectare ton jaar maanden dagen uur minuten inwoners mensen personen "
    "leden",
    "sv": "meter kilometer hektar ton år månader dagar timmar minuter invånare personer medlemmar",
    "ru": "м км метров километров гектаров тонн лет месяцев дней часов минут жителей человек",
    "uk": "м км метрів кілометрів гектарів тонн років місяців днів мешканців жителів осіб",
}
_ADVERBS = {
    "en": "ago|later|earlier",
    "de": "später|früher|zuvor",
    "fr": "plus tard|auparavant",
    "es": "después|más tarde|antes",
    "pt": "depois|mais tarde|antes",
    "it": "dopo|prima|fa",
    "pl": "później|wcześniej|temu",
    "nl": "later|eerder|geleden",
    "sv": "senare",
    "ru": "спустя|назад",
}
_NUMBERED = {
    "en": "in the year|at the age of|at age",
    "de": "im Jahr|im Jahre|im Alter von",
    "fr": "en l'an|en l'année|à l'âge de",
    "es": "en el año|a la edad de",
    "pt": "no ano de|no ano|com a idade de",
    "it": "nell'anno|all'età di",
    "pl": "w roku|w wieku",
    "nl": "in het jaar|op de leeftijd van",
    "sv": "år|vid en ålder av",
    "ru": "в возрасте",
    "uk": "у віці",
}
_SEA_LEVEL = {
    "en": "above sea level",
    "de": "ü. M.|ü. NN|ü. NHN|über dem Meeresspiegel|über NN",
    "fr": "d'altitude",
    "es": "de altitud|sobre el nivel del mar",
    "pt": "de altitude|acima do nível do mar",
    "it": "s.l.m.|sul livello del mare",
    "pl": "n.p.m.|nad poziomem morza",
    "nl": "boven zeeniveau",
    "sv": "över havet",
    "ru": "над уровнем моря",
    "uk": "над рівнем моря",
}
_CONJUNCTIONS = {
    "en": "and but or that when where which while who whose is was were are has had",
    "de": "und oder aber dass ist war",
    "fr": "et ou mais qui est était",
    "es": "y o pero que es era",
    "pt": "e ou mas que é era",
    "it": "e o ma che è",
    "pl": "i lub oraz ale",
    "nl": "en of maar die",
    "sv": "och eller men som",
    "ru": "и или но а",
    "ar": "و أو",
}


def _phrases(table: dict[str, str]) -> frozenset[str]:
    return frozenset(phrase for text in table.values() for phrase in text.split("|"))


def _words(*tables: dict[str, str]) -> frozenset[str]:
    return frozenset(word for table in tables for text in table.values() for word in text.split())


INTRODUCTIONS = _words(_PREPOSITIONS, _QUALIFIERS)
"""Prepositions, and what may stand between them and their nouns."""

JOINTS = frozenset(_JOINTS.split())
"""Words that join what follows to what stands before; at the end of a clause they join nothing."""

COPULAS = _words(_COPULAS)
FOLLOWERS = _words(_PREPOSITIONS, _CONJUNCTIONS)
"""Words that cannot follow a preposition: between the two something is missing."""

COUNTED = _words(_COUNTED)
"""Units and nouns that stand behind a number."""

ADVERBS = _phrases(_ADVERBS)
"""What makes an adverb of a time that stands before it: `5 years ago`."""

NUMBERED = _phrases(_NUMBERED)
"""Phrases that ask for a year or an age."""

SEA_LEVEL = _phrases(_SEA_LEVEL)
"""What a height is measured from."""
