"""Texts to calibrate an encoder with: many subjects, lengths and scripts, written for this purpose.

Their meaning does not matter, but they decide int8 vectors: a change here requires a new
`embed.VERSION`.
"""

from __future__ import annotations

PASSAGES = (
    "The harbour town of Vellen lies where the river Orm meets the North Sea. It was first "
    "named in a charter of 1213, when the bishop gave its fishermen the right to sell herring "
    "on Fridays. After the great fire of 1642 the merchants rebuilt their houses in brick, and "
    "the old town hall, with its carved gable and its clock of two faces, is now a museum. In "
    "2011 the town had 14,302 inhabitants, about a third of whom worked in the port or in "
    "tourism.",
    "Limestone dissolves slowly in rain water that has taken up carbon dioxide from the air and "
    "the soil. Cracks widen into channels, channels into caves, and where the roof of a cave "
    "falls in, a sinkhole remains. Most of the water then flows underground, so that valleys "
    "are dry for much of the year. What has been dissolved is deposited elsewhere: drop by drop "
    "it builds stalactites, by as little as a tenth of a millimetre in a year.",
    "She studied mathematics and physics at the university from 1921 to 1926 and was the second "
    "woman to take a doctorate there. Her thesis, on the stability of rotating fluids, was "
    "praised by her examiners and ignored by nearly everybody else. From 1933 she taught at a "
    "school for girls, published under her brother's name, and played the viola in a quartet. "
    "The award that bears her name has been given every other year since 1978.",
    "A hash table stores pairs of keys and values in an array. A function computes from each "
    "key the index at which its pair is to be found. If two keys share an index, the table "
    "keeps a list there, or looks for the next free place. As long as the array is larger than "
    "the number of pairs, insertion, deletion and lookup take constant time on average: O(1), "
    "against O(log n) for a balanced tree and O(n) for a list that has to be searched.",
    "Midway through the second half the visitors lost their captain to a knee injury and never "
    "recovered. The equaliser came in the 71st minute from a corner kick; eight minutes later "
    "the substitute striker scored from twenty metres, and the match ended 3-2 (1-2). It was "
    "the club's first title since 1987 and the last game in the old stadium, which 41,500 "
    "people had filled two hours before the start.",
    "The treaty bound both kingdoms to give up their claims to the islands, to exchange "
    "prisoners without ransom within ninety days, and to refrain from building fortresses along "
    "the river. Neither kept it. Within four years the war had begun again, this time with the "
    "emperor as an ally of the south, and its end left the border more or less where it had "
    "been before.",
    "The common wall lizard grows to about 20 cm, two thirds of which is its tail. It eats "
    "spiders, beetles and other small animals, and lives on rocks, walls and railway "
    "embankments that warm up quickly in the sun. Females lay two to eight eggs up to three "
    "times a year. Populations north of the Alps are mostly descended from animals that people "
    "set free.",
    "Whisk two eggs with a pinch of salt, stir in 120 g of flour and a quarter of a litre of "
    "milk, and let the batter rest for half an hour. Meanwhile peel and slice the apples.",
)
"""Passages as in encyclopedias, and others."""

SHORT_TEXTS = (
    "",
    "a",
    ".",
    "42",
    "snow",
    "See also",
    "External links and further reading",
    "Who was the first person to cross the strait in winter?",
    "how do lizards survive cold nights",
    "What is the difference between a hash table and a tree?",
    "List of mayors: 1998-2004 J. Brandt (Ind.); 2004-2012 M. Oduya; since 2012 vacant.",
    "E = mc^2; x_1 + x_2 >= 0; f(n) = n * (n - 1) / 2",
    "Der Fluss entspringt im Gebirge und mündet nach 212 Kilometern in die See.",
    "La bibliothèque a été fondée en 1789 par un marchand de drap.",
    "La ciudad, situada a orillas del lago, celebra su fiesta en agosto.",
    "Город расположен на берегу реки и известен своими мостами.",
    "Η πόλη βρίσκεται δίπλα στη θάλασσα.",
    "تقع المدينة على ضفة النهر.",
    "העיר שוכנת על גדת הנהר.",
    "यह नगर नदी के किनारे बसा है।",
    "这座城市位于河边，以桥梁闻名。",
    "この町は川のほとりにあり、橋で知られている。",
    "이 도시는 강가에 자리 잡고 있다.",
    "snow snow snow snow snow snow snow snow snow snow snow snow snow snow snow snow",
)
"""Headings, questions, lists, formulas, other languages, and nearly empty texts."""

CALIBRATION_TEXTS = (" ".join(PASSAGES), *PASSAGES, *SHORT_TEXTS)
"""All of them, and the passages joined into one, for the positions that only long texts have."""
