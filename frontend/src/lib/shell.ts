/** Quotes a word for a POSIX shell, where it needs that. Inside single quotes only a single quote is special. */
export function shellQuote(word: string): string {
  if (/^[A-Za-z0-9_./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
