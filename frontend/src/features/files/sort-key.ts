/**
 * What a name is sorted by: two keys compare, character by character, as people put names in order, without regard to
 * case or accents and with numbers by their value. A key costs one pass; a collator costs one for each comparison, which
 * for a folder of 50,000 names is half a second.
 */
export function sortKey(name: string): string {
  let key = name.toLowerCase();
  // eslint-disable-next-line no-control-regex -- all that is not ASCII
  if (/[^\u0000-\u007f]/.test(key)) key = key.normalize("NFKD").replace(/\p{M}/gu, "");
  if (!/\d/.test(key)) return key;
  return key.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, "");
    // A digit first, so that numbers keep their place among other characters; then the longer number is the larger one.
    return `0${String.fromCharCode(number.length)}${number}`;
  });
}
