// What the edit page needs of CodeMirror 6, as one file: `python -m tests.web.vendoring.build` makes it of this.
export { EditorState } from '@codemirror/state';
export { EditorView, keymap, lineNumbers, drawSelection, highlightActiveLine } from '@codemirror/view';
export { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
export { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
export { tags } from '@lezer/highlight';
export { json } from '@codemirror/lang-json';
export { python } from '@codemirror/lang-python';
