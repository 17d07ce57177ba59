// The tools: each says what a pointer that goes down, moves and comes up does to the board.
// A tool gets the desk (board, view, options, marks) and points of the board { x, y, radius, event }. An `instant` one is
// done as soon as it is put down.

import { frameTool } from './frame.js';
import { fillArea, fillPolygon, fillRectangle, strokeSegment } from './raster.js';
import { beginColour, colourAt, commitColour, drawColour } from './sketch.js';

export const TOOLS = {
  brush: { title: 'Brush', key: 'B', round: true, ...freehand('Brush', (desk) => desk.value()) },
  eraser: { title: 'Eraser', key: 'E', round: true, ...freehand('Eraser', () => 0) },
  colour: { title: 'Paint colours', key: 'C', kind: 'sketch', round: true, begin: colourBegin, move: colourMove, end: (desk) => commitColour(desk.board) },
  dropper: { title: 'Pick a colour', key: 'I', kind: 'sketch', instant: true, begin: takeColour, move: takeColour, end: (desk) => desk.choose({ tool: 'colour' }) },
  lasso: { title: 'Lasso', key: 'L', begin: lassoBegin, move: lassoMove, end: lassoEnd },
  rectangle: { title: 'Rectangle', key: 'R', begin: frameBegin, move: frameMove, end: rectangleEnd },
  fill: { title: 'Flood fill', key: 'G', instant: true, begin: flood },
  pick: { title: 'Pick a class', key: 'I', kind: 'classes', instant: true, begin: pick, move: pick },
  box: { title: 'Box', key: 'O', kind: 'boxes', begin: frameBegin, move: frameMove, end: boxEnd },
  frame: frameTool,
  hand: { title: 'Move the view', key: 'H', begin() {}, move: (desk, point, last) => desk.view.pan(point.event.clientX - last.event.clientX, point.event.clientY - last.event.clientY) },
};

const SMALLEST_BOX = 0.02; // of the picture's sides
const LIKE = 3; // values that count as the same colour at tolerance 0

function freehand(title, valueOf) {
  const draw = (desk, from, to) => desk.board.lay(valueOf(desk), strokeSegment(desk.board.stroke, from, to, desk.options.softness));
  return {
    begin: (desk, point) => { desk.board.begin(); draw(desk, point, point); },
    move: (desk, point, last) => draw(desk, last, point),
    end: (desk) => desk.board.commit(title),
  };
}

function colourBegin(desk, point) {
  beginColour(desk.board, desk.options.colour);
  colourMove(desk, point, point);
}

function colourMove(desk, point, last) { drawColour(desk.board, last, point, desk.options.softness); }

function lassoBegin(desk, point) { desk.points = [point]; }

function lassoMove(desk, point) {
  desk.points.push(point);
  desk.marks.path(desk.points);
}

function lassoEnd(desk) {
  desk.marks.clear();
  if (desk.points.length > 2) desk.board.edit('Lasso', (layer) => fillPolygon(layer, desk.points, desk.value()));
}

function frameBegin(desk, point) { desk.points = [point, point]; }

function frameMove(desk, point) {
  desk.points[1] = point;
  const [from, to] = desk.points;
  desk.marks.path([from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }]);
}

function rectangleEnd(desk) {
  const [from, to] = desk.points;
  desk.marks.clear();
  if (from !== to) desk.board.edit('Rectangle', (layer) => fillRectangle(layer, from, to, desk.value()));
}

function boxEnd(desk) {
  const { board } = desk;
  const [from, to] = desk.points;
  desk.marks.clear();
  const share = (value, side) => Math.round(Math.min(1, Math.max(0, value / side)) * 1e4) / 1e4;
  const box = {
    label: desk.label(),
    left: share(Math.min(from.x, to.x), board.width), top: share(Math.min(from.y, to.y), board.height),
    right: share(Math.max(from.x, to.x), board.width), bottom: share(Math.max(from.y, to.y), board.height),
  };
  if (box.right - box.left < SMALLEST_BOX || box.bottom - box.top < SMALLEST_BOX) return;
  board.become({ boxes: [...board.boxes, box] }, 'Box');
}

/** In a map: the area of one class. In a mask: the area of the picture that looks like the point. */
function flood(desk, point) {
  const { board } = desk;
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  if (x < 0 || y < 0 || x >= board.width || y >= board.height) return;
  const belongs = board.kind === 'classes' || !board.picture ? sameNumber(board.layer, x, y) : sameColour(desk, x, y);
  board.edit('Flood fill', (layer) => fillArea(layer, x, y, desk.value(), belongs));
}

function sameNumber({ data, width }, x, y) {
  const before = data.slice();
  const wanted = before[y * width + x];
  return (at) => before[at] === wanted;
}

function sameColour(desk, x, y) {
  const pixels = desk.pictureData();
  const tolerance = LIKE + desk.options.tolerance;
  const [red, green, blue] = pixels.subarray(4 * (y * desk.board.width + x));
  return (at) => Math.abs(pixels[4 * at] - red) <= tolerance && Math.abs(pixels[4 * at + 1] - green) <= tolerance && Math.abs(pixels[4 * at + 2] - blue) <= tolerance;
}

function pick(desk, point) {
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  if (x >= 0 && y >= 0 && x < desk.board.width && y < desk.board.height) desk.choose({ value: desk.board.layer.data[y * desk.board.width + x] });
}

function takeColour(desk, point) {
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  if (x >= 0 && y >= 0 && x < desk.board.width && y < desk.board.height) desk.choose({ colour: colourAt(desk.pictureData(), desk.board.width, x, y) });
}
