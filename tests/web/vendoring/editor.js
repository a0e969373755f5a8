// The edit page: boxes become editors (CodeMirror 6), Ctrl S saves, leaving with something unsaved is asked about. It
// works without. `python -m tests.web.vendoring.build` makes one file of this and of what it imports.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { python } from '@codemirror/lang-python';
import { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const form = document.getElementById('edit');
let unsaved = form.hasAttribute('data-unsaved');
form.addEventListener('input', () => { unsaved = true; });
form.addEventListener('submit', () => { unsaved = false; });
addEventListener('beforeunload', (event) => { if (unsaved) event.preventDefault(); });
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 's' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit(form.querySelector('[data-save]'));
  }
});

const ink = (name) => `var(--c-${name})`;
const colours = HighlightStyle.define([
  { tag: [tags.string, tags.special(tags.string)], color: ink('str') },
  { tag: [tags.number], color: ink('num') },
  { tag: [tags.keyword, tags.bool, tags.null], color: ink('word') },
  { tag: [tags.comment], color: ink('dim') },
  { tag: [tags.propertyName], color: ink('key') },
]);
const looks = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--t-sm)', maxHeight: '32rem' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '1.25rem', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { color: 'var(--text-3)', backgroundColor: 'var(--sunken)', borderRight: '1px solid var(--line)' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-line)' },
  '&.cm-focused': { outline: 'none' },
});

for (const box of form.querySelectorAll('textarea[data-editor]')) {
  const label = form.querySelector(`label[for="${box.id}"]`);
  const host = Object.assign(document.createElement('div'), { className: 'editor' });
  box.before(host);
  const root = host.attachShadow({ mode: 'open' }); // its styles are adopted there: the policy allows none in the page
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: box.value,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), indentOnInput(),
        syntaxHighlighting(colours), looks, box.dataset.editor === 'python' ? python() : json(),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        // What scrolls is to hold something that keys reach, and not all that look for it count text that can be edited.
        EditorView.contentAttributes.of({ 'aria-label': label.textContent.trim().replace(/\s+/g, ' '), tabindex: '0' }),
        EditorView.updateListener.of((update) => { if (update.docChanged) { box.value = view.state.doc.toString(); unsaved = true; } }),
      ],
    }),
  });
  host.addEventListener('keydown', (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });
  label.addEventListener('click', (event) => { event.preventDefault(); view.focus(); });
  box.hidden = true;
}
