"""Bars as SVG, with nothing but text: one panel for each row of a group."""

from xml.sax.saxutils import escape

COLOURS = {
    "trefoil": "#2e7d32",
    "qemu-nbd": "#5b7fa6",
    "nbdkit-file": "#8fa9c4",
    "nbdkit-memory": "#c9c9c9",
    "disk": "#b08d57",
    "passthrough": "#5b7fa6",
    "ext4": "#b08d57",
    "s3s-fs": "#5b7fa6",
    "garage": "#8fa9c4",
    "null": "#c9c9c9",
}
LEFT, BAR, GAP, PANEL_GAP, WIDTH, RIGHT, HEAD = 190, 18, 5, 34, 420, 120, 44


def bars(title, panels):
    """An SVG of `panels`: (title, unit, [(system key, system title, median, low, high)])."""
    height = HEAD + sum(PANEL_GAP + len(rows) * (BAR + GAP) for _, _, rows in panels) + 10
    width = LEFT + WIDTH + RIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    top = HEAD
    for panel_title, unit, rows in panels:
        out.append(f'<text x="12" y="{top + 18}" font-weight="bold">{escape(panel_title)} '
                   f'({escape(unit)})</text>')
        top += PANEL_GAP - 6
        longest = max((high for *_, high in rows), default=0) or 1
        for key, name, median, low, high in rows:
            out += _bar(top, key, name, median, low, high, WIDTH / longest)
            top += BAR + GAP
        top += 6
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _bar(top, key, name, median, low, high, scale):
    middle = top + BAR / 2
    weight = ' font-weight="bold"' if key == "trefoil" else ""
    x_low, x_high = LEFT + low * scale, LEFT + high * scale
    return [
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end"{weight}>{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{median * scale:.1f}" height="{BAR}" '
        f'fill="{COLOURS.get(key, "#999999")}"/>',
        f'<path d="M{x_low:.1f} {middle} H{x_high:.1f} M{x_low:.1f} {middle - 4} V{middle + 4} '
        f'M{x_high:.1f} {middle - 4} V{middle + 4}" stroke="#333333" fill="none"/>',
        f'<text x="{x_high + 8:.1f}" y="{middle + 4}"{weight}>{median:,.0f}</text>',
    ]
