// Numbers over time, in typed arrays that grow.

/** Numbers in a typed array that doubles; what is undefined is NaN. */
export class Column {
  constructor(Type = Float32Array) {
    this.data = new Type(1024);
    this.length = 0;
  }

  write(first, values) {
    const end = first + values.length;
    if (end > this.data.length) {
      const larger = new this.data.constructor(2 ** Math.ceil(Math.log2(end)));
      larger.set(this.data.subarray(0, this.length));
      this.data = larger;
    }
    for (let i = 0; i < values.length; i += 1) this.data[first + i] = values[i] ?? NaN;
    this.length = end;
  }

  /** Drops the first entries. The rest is in another array: who knew the old one keeps it. */
  forget(count) {
    const rest = new this.data.constructor(this.data.length);
    rest.set(this.data.subarray(count, this.length));
    this.data = rest;
    this.length -= count;
  }
}
