// The colours of the charts: those of the style sheet, which follows the system's light or dark.

/** Reads the colours that are in force. */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const family = getComputedStyle(document.body).fontFamily;
  return {
    of,
    lane: (i, faint) => of(faint ? `--lane${i}-faint` : `--lane${i}`),
    text: of("--muted"),
    ink: of("--ink"),
    paper: of("--panel"),
    grid: of("--grid"),
    event: of("--event"),
    slo: of("--slo"),
    font: `11px ${family}`,
    smallFont: (ratio) => `600 ${10 * ratio}px ${family}`,
    bold: (px) => `600 ${px}px ${family}`,
    plain: (px) => `${px}px ${family}`,
  };
}

/** Calls `changed` when the system turns light or dark. */
export function onThemeChange(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
