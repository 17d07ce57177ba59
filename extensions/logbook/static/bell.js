// Tells of a finished job in a page that nobody looks at: a tick before its title, and a tone where that is wished.

const TICK = '✓ ';

export function start(easel) {
  const untick = () => { if (!document.hidden) document.title = document.title.replace(TICK, ''); };
  document.addEventListener('visibilitychange', untick);
  easel.on('job', async ({ job }) => {
    if (!document.hidden || !['done', 'failed'].includes(job.state)) return;
    const { mark, ring } = await easel.settings();
    if (mark && !document.title.startsWith(TICK)) document.title = TICK + document.title;
    if (ring) tone(job.state === 'done' ? 880 : 220);
  });
  return () => { document.removeEventListener('visibilitychange', untick); document.title = document.title.replace(TICK, ''); };
}

function tone(hertz) {
  const context = new AudioContext();
  const [oscillator, gain] = [context.createOscillator(), context.createGain()];
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0.15, context.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.4);
  oscillator.connect(gain).connect(context.destination);
  oscillator.onended = () => context.close();
  oscillator.start();
  oscillator.stop(context.currentTime + 0.4);
}
