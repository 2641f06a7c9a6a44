// CodeMirror set up once: line numbers, history, search, four languages, colours from the page's tokens.
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { javascript } from '@codemirror/lang-javascript'
import { json } from '@codemirror/lang-json'
import { python } from '@codemirror/lang-python'
import { bracketMatching, HighlightStyle, indentOnInput, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { shell } from '@codemirror/legacy-modes/mode/shell'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

export type EditorLanguage = 'bash' | 'sh' | 'python' | 'node' | 'json' | 'text' | 'other'
export interface EditorOptions {
  text: string; language: EditorLanguage; readonly: boolean; label: string; onChange: (text: string) => void
}
export interface EditorHandle {
  setText(text: string): void
  setLanguage(language: EditorLanguage): void
  setReadonly(readonly: boolean): void
  destroy(): void
}

/** Nonce of the page's content security policy; the editor styles itself from script. */
function cspNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
}

function languageOf(language: EditorLanguage): Extension {
  if (language === 'bash' || language === 'sh') return StreamLanguage.define(shell)
  if (language === 'python') return python()
  if (language === 'node') return javascript()
  if (language === 'json') return json()
  return []
}

const theme = EditorView.theme({
  '&': { fontSize: '12.5px', backgroundColor: 'transparent', color: 'var(--text)', maxHeight: '65vh' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '19px', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--accent)', padding: '6px 0' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--text-3)', border: 'none', paddingLeft: '4px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent) 6%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in srgb, var(--accent) 25%, transparent) !important' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)', borderColor: 'var(--line)' },
})

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--busy)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--text-3)', fontStyle: 'italic' },
  { tag: [tags.propertyName, tags.definition(tags.variableName), tags.attributeName], color: 'var(--info)' },
  { tag: [tags.function(tags.variableName), tags.standard(tags.variableName)], color: 'var(--accent)' },
])

export function createEditor(parent: HTMLElement, options: EditorOptions): EditorHandle {
  const language = new Compartment()
  const mode = new Compartment()
  const modeOf = (readonly: boolean): Extension => [EditorState.readOnly.of(readonly), EditorView.editable.of(!readonly)]
  let quiet = false
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(),
        EditorView.cspNonce.of(cspNonce()),
        search({ top: true }), keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, indentWithTab]),
        theme, syntaxHighlighting(colours), language.of(languageOf(options.language)), mode.of(modeOf(options.readonly)),
        EditorView.contentAttributes.of({ 'aria-label': options.label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !quiet) options.onChange(update.state.doc.toString())
        }),
      ],
    }),
  })
  return {
    setText(text) {
      if (text === view.state.doc.toString()) return
      quiet = true
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
      quiet = false
    },
    setLanguage: (next) => view.dispatch({ effects: language.reconfigure(languageOf(next)) }),
    setReadonly: (readonly) => view.dispatch({ effects: mode.reconfigure(modeOf(readonly)) }),
    destroy: () => view.destroy(),
  }
}
