"""Templates for formulas, chemical formulas and musical notes."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.bold_italic import remove_bold_italic
from wiki_embeddings.sources.wikitext.digits import superscript
from wiki_embeddings.sources.wikitext.markers import protect
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    joined,
    positional,
    rows,
)


def chemical_formula(arguments: Arguments) -> str:
    """`CH3COO⁻`: numbers of atoms stay on the line, charges are raised."""
    parts = positional(arguments)
    return "".join(superscript(part) if part[-1:] in {"+", "-", "−"} else part for part in parts)


def nuclide(arguments: Arguments) -> str:
    """`lithium-7`."""
    return "-".join(filter(None, positional(arguments)[:2]))


def fraction(arguments: Arguments) -> str:
    """`3/2`, `1/3` for a lone denominator, `1 1/2` with a whole number."""
    match [part for part in positional(arguments) if part]:
        case [denominator]:
            return f"1/{denominator}"
        case [numerator, denominator]:
            return f"{numerator}/{denominator}"
        case [whole, numerator, denominator, *_]:
            return f"{whole} {numerator}/{denominator}"
    return ""


def root(arguments: Arguments) -> str:
    """`√2`, `√(x + 1)`, `³√x`."""
    radicand, degree = [*positional(arguments), "", ""][:2]
    if not radicand:
        return "√"
    inner = radicand if radicand.isalnum() else f"({radicand})"
    return f"{superscript(degree)}√{inner}"


def formula(arguments: Arguments) -> str:
    """The formula as it is written, protected from the steps for prose."""
    return protect(remove_bold_italic(argument("1", "big")(arguments)))


def accidental(arguments: Arguments) -> str:
    """`♭`."""
    signs = {"flat": "♭", "b": "♭", "natural": "♮", "n": "♮", "sharp": "♯", "#": "♯",
             "dflat": "𝄫", "dsharp": "𝄪"}  # fmt: skip
    return signs.get(arguments.get("1", ""), "")


def between(before: str, after: str) -> Expansion:
    """Show the first argument between two signs; they may be markup elsewhere, as `|` is."""
    return lambda arguments: (
        f"{protect(before)}{arguments['1']}{protect(after)}" if arguments.get("1") else ""
    )


def super_and_subscript(arguments: Arguments) -> str:
    """What stands above, then what stands below."""
    above, below = [*positional(arguments), "", ""][:2]
    return superscript(arguments.get("p") or above) + (arguments.get("b") or below)


def binomial(arguments: Arguments) -> str:
    """`(n k)`, the binomial coefficient in one line."""
    upper, lower = [*positional(arguments), "", ""][:2]
    return f"({upper} {lower})" if upper else ""


def numbered(arguments: Arguments) -> str:
    """A formula on its own line, without the number beside it."""
    return argument("2")(arguments)


def bra_ket(arguments: Arguments) -> str:
    """`⟨a|b⟩`."""
    bra, ket = [*positional(arguments), "", ""][:2]
    return f"⟨{bra}{protect('|')}{ket}⟩"


_FRACTIONS = (
    "frac|fraction|sfrac|tfrac|frac2|dfrac|½|bruch|breuk|bråk|brøk|fracción|fração|frazione|ułamek|"
    "дробь|дріб|доля|分数|分數|분수|kesir|کسر|كسر|שבר|भिन्न|murtoluku|zlomek|tört"
)
_LETTERS = (
    "alpha:α beta:β gamma:γ delta:δ epsilon:ε zeta:ζ eta:η theta:θ kappa:κ lambda:λ mu:μ nu:ν xi:ξ "
    "pi:π rho:ρ sigma:σ tau:τ phi:φ varphi:φ psi:ψ omega:ω hbar:ħ infty:∞ degree:° times:× "
    "minus:− plusminus:± pm:± +-:± ±:± prime:′ radic:√ nabla:∇ approx:≈ cdot:· deg:° aleph0:ℵ₀"
)

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["math", "bigmath", "varserif", "big math"], formula),
    **dict.fromkeys(["mvar", "mathcal", "math2", "tmath", "mval", "mi", "vec", "mathbf"], formula),
    **{name: constant(sign) for name, sign in (pair.split(":") for pair in _LETTERS.split())},
    **dict.fromkeys(["chem", "chem2", "ce", "chemf", "fchim", "chimie"], chemical_formula),
    **dict.fromkeys(["nuclide", "nuclide2", "simplenuclide", "simplenuclide2", "isotope"], nuclide),
    **dict.fromkeys([*_FRACTIONS.split("|")], fraction),
    **dict.fromkeys(["sqrt", "radic", "radical", "nthroot", "root", "surd"], root),
    **dict.fromkeys(["abs", "mabs"], between("|", "|")),
    **dict.fromkeys(["norm"], between("‖", "‖")),
    "floor": between("⌊", "⌋"),
    "ceil": between("⌈", "⌉"),
    "bra": between("⟨", "|"),
    "ket": between("|", "⟩"),
    **dict.fromkeys(["bra-ket", "braket"], bra_ket),
    **dict.fromkeys(["angle brackets", "langle"], between("⟨", "⟩")),
    **dict.fromkeys(["set", "mset"], between("{", "}")),
    **dict.fromkeys(["su", "subsup", "sup sub"], super_and_subscript),
    "binom": binomial,
    **dict.fromkeys(["numblk", "equation box 1"], numbered),
    "gaps": joined(" "),
    "10^": lambda arguments: f"10{superscript(argument('1')(arguments))}",
    "music": accidental,
    "carbon": constant("C"),
    "hydrogen": constant("H"),
    "solar mass": constant("M☉"),
    "solar radius": constant("R☉"),
    "solar luminosity": constant("L☉"),
    "earth mass": constant("M🜨"),
    "jupiter mass": constant("MJ"),
    **rows(
        {
            "{1}": "overline|overbar|underline|oversetc|equationref|equationnote|eqnref|var|"
            "overarc|hat|tilde|dot over|mathfont|iupac|chem name|chemname|big operator",
            "∫[_{1}][^{2}] {3|1}": "intmath",
            "{1} mod {2}": "mod",
            "log[_{2}] {1}": "log",
        }
    ),
}
