"""Other ways to write the headers of a signed delivery.

Most of these variants are never sent. They show where the layer and a package differ: neither side is wrong.
"""

import base64
import re

HEX = re.compile(r"[0-9a-f]{40,128}")
B64 = re.compile(r"[A-Za-z0-9+/_-]{27,}={0,2}")


def signature_header(headers):
    """The header that holds the signature: its name, its value, the position of the signature, its encoding."""
    for name, value in headers.items():
        found = HEX.search(value) if HEX.search(value) else None
        if found and not name.endswith("-id"):
            return name, value, found.span(), "hex"
    best = None
    for name, value in headers.items():
        if name.endswith("-id") or name in ("content-type", "authorization"):
            continue
        for found in B64.finditer(value):
            if best is None or len(found.group()) > best[2][1] - best[2][0]:
                best = (name, value, found.span(), "base64")
    return best


def variants(headers):
    """Yields pairs of a description and other headers for the same body."""
    found = signature_header(headers)
    if found is None:
        return
    name, value, (start, end), kind = found
    signature, before, after = value[start:end], value[:start], value[end:]

    def put(text):
        return {**headers, name: text}

    def flip(text):
        head = "B" if text[0] != "B" else "C"
        return ("0" if text[0] != "0" else "1") + text[1:] if kind == "hex" else head + text[1:]

    bad = flip(signature)
    yield "a wrong signature", put(before + bad + after)
    yield "signature cut by one character", put(before + signature[:-1] + after)
    yield "signature doubled", put(before + signature + signature + after)
    yield "characters after the signature", put(before + signature + ("00" if kind == "hex" else "AAAA") + after)
    if kind == "hex":
        yield "capital digits", put(before + signature.upper() + after)
    else:
        yield "no padding", put(before + signature.rstrip("=") + after)
        if signature.endswith("=") is False:
            yield "padding where there is none", put(before + signature + "==" + after)
        swapped = signature.translate(str.maketrans("+/-_", "-_+/"))
        if swapped != signature:
            yield "the other base64 alphabet", put(before + swapped + after)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        bare = signature.rstrip("=")
        if signature.endswith("="):
            last = alphabet.find(bare[-1])
            if last >= 0:
                yield "unused bits set", put(before + bare[:-1] + alphabet[last ^ 1] + signature[len(bare):] + after)
        yield "in hexadecimal digits", put(before + base64.b64decode(
            signature.translate(str.maketrans("-_", "+/")) + "==").hex() + after)
    yield "a space inside the signature", put(before + signature[:8] + " " + signature[8:] + after)
    if before:
        tag = re.search(r"[A-Za-z0-9]+[=,]$", before)
        if tag:
            stem = before[:tag.start()]
            yield "no tag", put(stem + signature + after)
            yield "tag in capitals", put(stem + tag.group().upper() + signature + after)
            yield "another tag", put(stem + "v9" + tag.group()[-1] + signature + after)
            comma = ";" if ";" in before else " " if tag.group().endswith(",") else ","
            item = tag.group() + signature
            yield "a wrong signature before", put(stem + tag.group() + bad + comma + item + after)
            yield "a wrong signature after", put(before + signature + comma + tag.group() + bad + after)
            yield "an unknown item before", put(("x" + tag.group()[-1] + "1" + comma) + value)
            yield "an unknown item after", put(value + comma + "x" + tag.group()[-1] + "1")
            if stem and comma in stem:
                yield "spaces after the separator", put(value.replace(comma, comma + " "))
                parts = value.split(comma)
                yield "items in another order", put(comma.join(reversed(parts)))
                yield "the time twice, another first", put("t" + ("s" if parts[0].startswith("ts=") else "") + "=1" + comma + value)
                yield "the time twice, another last", put(value + comma + "t" + ("s" if parts[0].startswith("ts=") else "") + "=1")
            yield "a separator at the end", put(value + comma)
    inside = re.search(r"\b(t|ts)=(\d+)", value)
    if inside:
        at = inside.start(2)
        for what, text in [("+", "+"), ("a zero", "0"), ("a space", " ")]:
            yield f"{what} before the time", put(value[:at] + text + value[at:])
        after_time = inside.end(2)
        yield ".0 after the time", put(value[:after_time] + ".0" + value[after_time:])
        yield "letters after the time", put(value[:after_time] + "abc" + value[after_time:])
    for other, stamp in headers.items():
        if other != name and re.fullmatch(r"\d{10,13}", stamp):
            for what, text in [("+ before the time", "+" + stamp), ("a zero before the time", "0" + stamp),
                               (".0 after the time", stamp + ".0"), ("letters after the time", stamp + "abc")]:
                yield what, {**headers, other: text}
    for other in headers:
        yield f"without {other}", {key: value for key, value in headers.items() if key != other}
