/** What a terminal takes for a key, as Ctrl+C or Enter, and bytes of names that are no text, as agent/workspace/name.go writes them. */
const unfit = /[\p{Cc}\u{10ff00}-\u{10ffff}]/u;
const escapeBase = 0x10ff00;

/**
 * Quotes a word that is typed into a shell, where it needs that. Inside single quotes only a single quote is special; what
 * must not be typed as it is, is written in `$'…'`.
 */
export function shellQuote(word: string): string {
  if (/^[A-Za-z0-9_./-]+$/.test(word)) return word;
  if (!unfit.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${Array.from(word, escaped).join("")}'`;
}

function escaped(letter: string): string {
  if (letter === "'" || letter === "\\") return `\\${letter}`;
  if (!unfit.test(letter)) return letter;
  const code = letter.codePointAt(0) ?? 0;
  const bytes = code >= escapeBase ? [code - escapeBase] : new TextEncoder().encode(letter);
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
