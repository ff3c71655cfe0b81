import { angles, dimensions, sentence, space, table } from '../charts/projection.js';
import { Slide } from '../choose.jsx';

/** A sample of the customers on three components. */
export default {
    name: 'space',
    title: 'Customers in space',
    parts: ['projection'],
    span: 6,
    height: 460,
    missing: (data) => (dimensions(data) >= 3 ? null : { why: 'Space takes three components; this model has fewer numeric dimensions.' }),
    controls: ({ state }) => <><Slide label="Turn" name="turn" min={0} max={360} step={5} value={angles(state).turn} /><Slide label="Tilt" name="tilt" min={0} max={90} step={5} value={angles(state).tilt} /></>,
    sentence,
    chart: space,
    table,
};
