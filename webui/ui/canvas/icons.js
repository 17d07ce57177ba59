// The canvas's own line icons, 24 units wide.

import { lines } from '../dom.js';

const PATHS = {
  brush: 'M4 20c3 0 5-1 5-4 0-1.500-1-2.500-2.500-2.500C4 13.500 5 17 4 20zM9 15L19 4l1 1L10 16',
  eraser: 'M8 19l-4-4 9-10 6 6-8 8zM8 19h12M9 9l6 6',
  lasso: 'M12 5c5 0 8 2 8 5s-3 5-8 5-8-2-8-5 3-5 8-5zM7 14c-1 1-1 3 1 3s2 2 1 4',
  rectangle: 'M4 6h16v12H4z',
  fill: 'M5 13l7-8 7 7-7 7zM12 5L9 2M20 16c1 2 1.500 3 0 4-1.500-1-1-2 0-4z',
  pick: 'M4 20l1-4 8-8 3 3-8 8zM12 7l2-2M19 6l-3 3M14 5a2 2 0 0 1 3-1l2 2a2 2 0 0 1-1 3',
  frame: 'M8 8h8v8H8zM4 4h3M4 4v3M20 4h-3M20 4v3M4 20h3M4 20v-3M20 20h-3M20 20v-3',
  hand: 'M8 13V6a1.500 1.500 0 0 1 3 0v5M11 10V5a1.500 1.500 0 0 1 3 0v6M14 11V7a1.500 1.500 0 0 1 3 0v7c0 4-2 6-5 6s-4-1-6-4l-2-3c1-1 2-1 4 2',
  box: 'M4 4h5M15 4h5v5M20 15v5h-5M9 20H4v-5M4 9V4M9 12h6M12 9v6',
  undo: 'M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3',
  clear: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  invert: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h5M12 12h8M12 16h5',
  open: 'M4 19V6h6l2 2h8v11zM12 11v6M9 14l3-3 3 3',
  mask: 'M4 5h16v14H4zM12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  alpha: 'M4 4h8v8H4zM12 12h8v8h-8zM12 4h8v8M4 12v8h8',
  save: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  mirror: 'M12 3v18M9 7l-5 10h5zM15 7l5 10h-5z',
  turn: 'M5 12a7 7 0 1 1 3 6M5 18v-6h6',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5M9 9h6v6H9z',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  help: 'M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18h.01',
  accept: 'M5 13l4 4L19 7',
  discard: 'M6 6l12 12M18 6L6 18',
  newer: 'M15 5l-7 7 7 7',
  older: 'M9 5l7 7-7 7',
  photo: 'M4 7h4l2-3h4l2 3h4v12H4zM12 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  palette: 'M12 4a8 8 0 1 0 0 16c2 0 1-2 1-3s1-2 3-2h2c1 0 2-1 2-3a8 8 0 0 0-8-8zM8 11h.01M11 8h.01M15 9h.01',
  data: 'M8 4c-3 0-2 3-2 5s-1 3-2 3c1 0 2 1 2 3s-1 5 2 5M16 4c3 0 2 3 2 5s1 3 2 3c-1 0-2 1-2 3s1 5-2 5',
};

export const icon = (name) => lines(PATHS[name]);
