"""The wordings of interactions between drugs: verbs, signs of joint use, advice, denials, doubts. Patterns only.

What they mean together is read by ``rules_interactions``.
"""

from __future__ import annotations

import re

_SMALL = (
    r"(?:other|the|a|an|oral|some|certain|any|both|all|most|many|various|several|concomitant|systemic|intravenous|potent|strong|moderate|related|similar"
    r"|drugs?|medications?|agents?|inhibitors?|compounds?|products?|derivatives?|preparations?|formulations?|either|also|possibly|perhaps|particularly|especially|to|a\s+lesser\s+extent)"
)
_FREE = (
    r"(?:(?!(?:with|in|by|for|to|on|of|when|if|is|are|was|were|has|have|had|may|can|should|must|then|that|which|who|because|since|while|as|not|its|this|these"
    r"|(?:increas|decreas|reduc|elevat|rais|lower|inhibit|induc|enhanc|potentiat|antagoni|affect|alter|prevent|interfer|caus|result|led|produc)\w*)\b)[\w'/-]+\s+)"
)
JOIN = re.compile(
    rf"^[\s]*(?:(?:,|/|;|\band/or\b|\band\b|\bor\b|\bas\s+well\s+as\b|&)\s*{_FREE}{{0,3}}"
    rf"|(?:{_SMALL}\s*){{0,2}}[,\s]*[(\[]?\s*(?:such\s+as|e\.?\s?g\.?,?|eg\.?,?|i\.e\.?,?|including|include|like|for\s+example|namely)[\s,:]*{_FREE}{{0,2}}"
    rf"|[(\[]\s*(?:also\s+)?{_FREE}{{0,2}}|[)\]]\s*(?:,\s*and|,\s*or|,|/|and/or|and|or)\s*{_FREE}{{0,3}}|[)\]])+\s*$",
    re.IGNORECASE,
)

CLAUSE = re.compile(
    r";|(?<=[a-z)\]%])\.\s+(?=[A-Z])|,\s+(?:but|however|whereas|although|though)\b|\bhowever\b", re.IGNORECASE
)
_CHANGE = (
    r"(?:increas|decreas|reduc|elevat|rais|lower|inhibit|induc|accelerat|enhanc|potentiat|antagoni[sz]|augment|intensif|diminish|attenuat|block"
    r"|impair|delay|prolong|interfer|displac|alter|affect|influenc|prevent|stimulat|suppress|exaggerat|aggravat|worsen|counteract|revers|abolish|double[ds]?"
    r"|halv|modif|chang|interact|precipitat|mask|shorten|slow|cause|produc|result|lead|led|oppose|neutrali[sz]e|boost|compet|sensiti[sz]e|predispos|fell|fall|rose|ris|additiv|synerg|deplet|accentuat|facilitat)(?!(?:e?rs?|ors?|ants?|ts?|ives?)\b)(?!ing\s+(?:\w+\s+)?(?:agents?|drugs?|AED|products?|compounds?|medications?|classes))\w*"
)
VERB = re.compile(rf"\b{_CHANGE}\b", re.IGNORECASE)
PK = re.compile(
    r"\b(?:levels?|concentrations?|AUC\w*|Cmax|clearances?|metaboli\w+|absorption|bioavailability|exposures?|half-li(?:fe|ves)|eliminat\w+|excret\w+|plasma"
    r"|serum|pharmacokinetic\w*|displac\w+|biotransformation|protein\s+binding|hydroxylation|demethylation|oxidation|glucuronidation|formation|uptake|transport"
    r"|CYP\w*|P-?450|P-?gp|P-glycoprotein|enzymes?|isoenzymes?|isozymes?|disposition|secretion|distribution)\b",
    re.IGNORECASE,
)
EFFECT = re.compile(
    r"\b(?:effects?|toxicit\w+|toxic|risks?|potentiat\w+|antagoni[sz]\w+|additive|synerg\w+|hypotensi\w+|bleed\w*|sedati\w+|depress\w+|hypoglyc\w+|hyperkal\w+"
    r"|hypokal\w+|reactions?|syndrome|response|activity|action|efficacy|effectiveness|hypertens\w+|arrhythmi\w+|seizures?|rhabdomyolysis|myopathy|prothrombin|INR|QT\w*"
    r"|nephrotoxic\w*|ototoxic\w*|neurotoxic\w*|incidence|frequency|severity|anticoagula\w+|blockade|adverse|symptoms?|tolerance|pressure|hemorrhag\w+|weakness|ulcer\w*)\b",
    re.IGNORECASE,
)
ADVICE = re.compile(
    r"\b(?:should|must|avoid\w*|caution\w*|contraindicat\w+|not\s+recommended|recommended\s+that|not\s+advis\w+|advis(?:ed|able)|monitor\w*|careful\w*"
    r"|adjust\w*|do\s+not|need(?:s|ed)?\s+to\s+be|may\s+(?:be\s+necessary|need|require)|required?|warranted|necessary|recommended)\b",
    re.IGNORECASE,
)
STRENGTHS = (
    (
        "avoid",
        re.compile(
            r"avoid\w*|contraindicat\w+|(?:should|must|do)\s+not|not\s+(?:be\s+)?(?:recommended|advis\w+|used|given|administered|taken)",
            re.IGNORECASE,
        ),
    ),
    ("caution", re.compile(r"caution\w*|careful\w*", re.IGNORECASE)),
    ("monitor", re.compile(r"monitor\w*|observ\w+|check\w*", re.IGNORECASE)),
    ("adjust", re.compile(r"adjust\w*|reduc\w+|lower\w*|increas\w+|dos(?:e|age)", re.IGNORECASE)),
)
INTERACTS = re.compile(r"\binteract\w*", re.IGNORECASE)
_JOINTLY = (
    r"(?:co-?\s?administ\w+|co-?treat\w+|co-?prescri\w+|co-?ingest\w+|concomitant\w*|concurrent\w*|simultaneous\w*|combin\w+|together|in\s+conjunction|conjunct\w+"
    r"|coadministered|association|addition|combined|interactions?)"
)
ASKS = re.compile(
    r"\b(?:to|we|aimed?|objective|purpose|aim)\s+(?:\w+\s+){0,3}(?:investigat|examin|evaluat|determin|assess|study|compar|test|explor|establish|clarify)\w*|\bwhether\b(?!\s+or\s+not)|\b(?:was|were)\s+(?:\w+ly\s+)?(?:studied|investigated|examined|evaluated|assessed|explored|enrolled|conducted|performed)\b"
    r"|\bstud(?:y|ies)\s+(?:\w+\s+){0,3}(?:evaluat|examin|assess|investigat|address)\w*|\b(?:studies|trials)\s+(?:\w+\s+){0,2}(?:has|have)\s+been\s+(?:completed|conducted|performed|done)\b"
    r"|\binconclusive\b|\btoo\s+(?:small|few)\s+to\b|\b(?:future|further|additional)\s+(?:studies|research|trials|investigations?)\b|^\s*(?:potential|possible)\b[^.]*\binteractions?\W*$"
    r"|\b(?:influence|effects?)\s+(?:of|on)\b[^.]*:\s*$|\b(?:randomly\s+assigned|randomi[sz]ed|double-blind|multicent\w+|enrolled)\b",
    re.IGNORECASE,
)
JOINT = re.compile(rf"\b{_JOINTLY}\b", re.IGNORECASE)
TAKING = re.compile(
    r"\b(?:receiv\w+|taking|treated\s+with|pretreatment|pre-?treated|with|during|after|following|when|while|if|by|plus|added|presence\s+of|who\s+are\s+on)\b",
    re.IGNORECASE,
)
PAIRED = re.compile(
    rf"\b(?:{_JOINTLY}(?:\s+(?:use|administration|therapy|treatment|intake|dosing|ingestion|doses))?\s+(?:of|between)|between|both|combination)\s+(?:\S+\s+){{0,4}}$|\b(?:concomitant|concurrent|combined|simultaneous)\s+$",
    re.IGNORECASE,
)
PAIRED_AFTER = re.compile(
    rf"^\s*(?:(?:\w+\s+)?(?:is|are|be|were|was|when|if)\s+)?(?:\w+\s+)?(?:(?:used|given|taken|administered|prescribed)\s+(?:\w+\s+)?)?(?:{_JOINTLY}|at\s+the\s+same\s+time)\b",
    re.IGNORECASE,
)
WITH_ONLY = re.compile(
    rf"^[\s,)(]*(?:\S+\s+){{0,4}}?(?:{_JOINTLY}\s+)*(?:with|plus|to\s+patients\s+(?:receiving|taking|on|treated\s+with))\s+(?:\S+\s+){{0,4}}$",
    re.IGNORECASE,
)
INCLUDES = re.compile(r"\b(?:includ\w+|are|is|were)\b|:", re.IGNORECASE)
DENIED = re.compile(
    r"\b(?:no|not|never|neither|nor|without|lack(?:s|ed|ing)?|absence|unaffected|unchanged|unaltered|unlikely|fail(?:s|ed|ure)?\s+to|negligible|cannot|unknown"
    r"|did\s*n['o]t|does\s*n['o]t|little|minimal(?:ly)?|unrelated|insignificant\w*|similar|comparable|well\s+tolerated|safely|equivalent|independent|few\s+if\s+any|excluded|unlike|matched|maintained|ineffective|failure\s+of|false\s+positive)\b",
    re.IGNORECASE,
)
ADVISED_NOT = re.compile(
    r"\b(?:should|must|may|do|can)\s+not\s+(?:generally\s+|usually\s+)?(?:be\s+)?(?:\w+ly\s+)?(?:used?|giv(?:e|en)|tak(?:e|en)|administ\w+|co-?\w+|combin\w+|prescrib\w+|exceed\w*|started|initiated|receive)"
    r"|\bnot\s+(?:be\s+)?(?:\w+ly\s+)?(?:recommended|advis\w+|indicated|be\s+\w+ed)|\bnot\s+only\b|\bwhether\s+or\s+not\b|\bneither\b(?=.*\bshould\b)|\bnot\s+(?:more|less)\s+than\b|\bis\s+not\s+recommended",
    re.IGNORECASE,
)
UNSURE = re.compile(
    r"\b(?:may|might|could|can|possib\w+|potential\w*|suggest\w*|appear\w*|seem\w*|likely|probab\w+|theoretic\w+|expected|hypothe\w+|presum\w+|would|propos\w+|predict\w*|believed|thought)\b",
    re.IGNORECASE,
)
DOSE = re.compile(
    r"\([^()]*\d[^()]*\)|\b\d[\d.,-]*\s*(?:mg|mcg|g|kg|ml|units?|IU)(?:/\w+)?\b|\b(?:once|twice|three\s+times)\s+(?:a\s+day|daily)\b|\b(?:daily|BID|TID|QD|b\.i\.d\.|t\.i\.d\.)",
    re.IGNORECASE,
)
MORE = re.compile(r"^[\s)\]]*(?:,|;|and\b|or\b)\s*(?:\S+\s+){0,8}$", re.IGNORECASE)
GIVEN_WITH = re.compile(r"\s*(?:\([^()]*\)\s*)?(?:concomitantly\s+|concurrently\s+|together\s+)?with\b", re.IGNORECASE)
NEXT_VERB = re.compile(rf"^[\s,)]*(?:and|or|and/or)?\s*(?:also\s+|may\s+|to\s+)*{_CHANGE}\b", re.IGNORECASE)
IS_A = re.compile(r"^[\s,]*(?:is|are|was|were)\s+(?:\w+\s+){0,3}(?:an?|another|the)\s", re.IGNORECASE)
AGENT = re.compile(r"\b(?:inhibitor|inducer|antagonist|agonist|blocker)\s+of\b", re.IGNORECASE)
COMPARES = re.compile(
    r"\b(?:compared|versus|vs|than|alone|unlike|whereas|rather|instead|other\s+than|as\s+with|like|metabolite\s+of|derivative\s+of|known\s+as|prodrug)\b",
    re.IGNORECASE,
)
ELIDED = re.compile(
    rf"\s*(?:may|can|could|has|have|is|are)?\s*(?:be\s+|been\s+|an?\s+|\w+ly\s+|reported\s+to\s+|shown\s+to\s+)*{_CHANGE}\b",
    re.IGNORECASE,
)
HEADING_END = re.compile(r"^\s*(?:\([^()]*\)\s*)?(?::|\s[-–—]\s)")
CONTRAINDICATED = re.compile(r"\bcontraindicated\b", re.IGNORECASE)
PEOPLE_LEAD = re.compile(r"\b(?:in|for|among)\s+(?=[a-z\d])", re.IGNORECASE)
ON_A_DRUG = re.compile(r"\b(?:receiv|tak(?:e|ing)|treated|given|on\s+)\w*", re.IGNORECASE)
NO_DRUG = re.compile(
    r"(?:cytochrome\s+)?(?:CYP|P-?\s?450|P-?gp)[\w\s/-]*|(?:iso)?(?:en)?zymes?|(?:other\s+)?(?:drugs?|medications?|medicines?|agents?|substances?)",
    re.IGNORECASE,
)
"""What sets annotate beside drugs, and what is no drug: enzymes, and words for any drug."""
