// The button below a picture.

/** Note a picture and the words that it was drawn from. */
export async function pin(easel, picture) {
  const note = await easel.post('/notes', { picture: picture.id });
  easel.toast(`Noted: ${note.prompt || 'a picture'}`, { title: 'Open', run: () => easel.openTab('notebook-notes') });
}
