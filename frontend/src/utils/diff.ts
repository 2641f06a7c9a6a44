// A unified diff as two columns: removed and added lines of one change stand beside each other.

export interface DiffRow { kind: 'same' | 'change' | 'gap'; left: string | null; right: string | null; leftNo: number | null; rightNo: number | null }
export interface DiffPart { field: string; rows: DiffRow[] }

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/

class Columns {
  parts: DiffPart[] = []
  private removed: [string, number][] = []
  private added: [string, number][] = []
  private left = 0
  private right = 0

  private get rows(): DiffRow[] {
    return this.parts.at(-1)?.rows ?? []
  }

  /** Pairs what was removed and added since the last common line. */
  flush(): void {
    for (let i = 0; i < Math.max(this.removed.length, this.added.length); i += 1) {
      const [left, leftNo] = this.removed[i] ?? [null, null]
      const [right, rightNo] = this.added[i] ?? [null, null]
      this.rows.push({ kind: 'change', left, right, leftNo, rightNo })
    }
    this.removed = []
    this.added = []
  }

  part(header: string): void {
    this.flush()
    this.parts.push({ field: header.slice(header.lastIndexOf('/') + 1).trim(), rows: [] })
  }

  hunk(left: number, right: number): void {
    this.flush()
    if (this.rows.length > 0) this.rows.push({ kind: 'gap', left: null, right: null, leftNo: null, rightNo: null })
    this.left = left
    this.right = right
  }

  line(sign: string, text: string): void {
    if (sign === '-') this.removed.push([text, this.left++])
    else if (sign === '+') this.added.push([text, this.right++])
    else if (sign === ' ' || sign === '') {
      this.flush()
      this.rows.push({ kind: 'same', left: text, right: text, leftNo: this.left++, rightNo: this.right++ })
    }
  }
}

/** One part per field that differs; lines of the header name the field after the last slash. */
export function sideBySide(unified: string): DiffPart[] {
  const columns = new Columns()
  const lines = unified.split('\n')
  if (lines.at(-1) === '') lines.pop()
  let inHunk = false
  lines.forEach((line, index) => {
    const next = lines[index + 1] ?? ''
    if (line.startsWith('--- ') && next.startsWith('+++ ') && HUNK.test(lines[index + 2] ?? '')) {
      inHunk = false
      return
    }
    if (!inHunk && line.startsWith('+++ ')) return columns.part(line)
    const hunk = HUNK.exec(line)
    if (hunk) {
      inHunk = true
      return columns.hunk(Number(hunk[1]), Number(hunk[2]))
    }
    if (inHunk && !line.startsWith('\\')) columns.line(line.slice(0, 1), line.slice(1))
  })
  columns.flush()
  return columns.parts
}
