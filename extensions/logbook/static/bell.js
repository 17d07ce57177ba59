// Rings when a job ends in a page that nobody looks at: high when it is done, low when it failed.

const HERTZ = { done: 880, failed: 220 };

export function start(easel) {
  return easel.on('job', async ({ job }) => {
    const hertz = HERTZ[job.state];
    if (hertz && document.hidden && (await easel.settings()).ring) tone(hertz);
  });
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
