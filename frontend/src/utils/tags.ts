// Tags typed by a person: split at commas, trimmed, no doubles, within the server's limits.

export function addTags(held: readonly string[], typed: string): string[] {
  const words = typed.split(/[,，]/).map((w) => w.trim()).filter(Boolean)
  return [...new Set([...held, ...words])]
}

export function tagsFit(tags: readonly string[]): boolean {
  return tags.length <= 32 && tags.every((tag) => [...tag].length <= 64)
}
