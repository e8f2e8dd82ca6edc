// Serves one network through ONNX Runtime for a driver that times it (vs_onnxruntime.py); same lines as host_serve.cpp.
//
//   node ort_serve.js MODEL THREADS SPIN PACKAGES NAME|TYPE|DIMS|FILE ..
'use strict';
const fs = require('fs');
const readline = require('readline');

const [model, threads, spin, packages, ...inputs] = process.argv.slice(2);
const ort = require(packages + '/node_modules/onnxruntime-node');

const arrays = {float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array, int64: BigInt64Array};

function tensorOf(text) {
  const parts = text.split('|');
  const bytes = fs.readFileSync(parts[3]);
  const Type = arrays[parts[1]];
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return [parts[0], new ort.Tensor(parts[1], new Type(copy), parts[2] === '' ? [] : parts[2].split(',').map(Number))];
}

async function main() {
  const options = {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all', executionMode: 'sequential', logSeverityLevel: 3,
    extra: {session: {intra_op: {allow_spinning: spin}}},
  };
  const session = await ort.InferenceSession.create(model, options);
  const feeds = Object.fromEntries(inputs.map(tensorOf));
  await session.run(feeds);

  async function requests(count, every) {
    const latencies = [];
    let due = process.hrtime.bigint();
    for (let i = 0; i < count; ++i) {
      if (every > 0) {
        const wait = Number(due - process.hrtime.bigint()) / 1e6;
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        due += BigInt(Math.round(every * 1e9));
      }
      const begin = process.hrtime.bigint();
      await session.run(feeds);
      latencies.push((Number(process.hrtime.bigint() - begin) / 1e3).toFixed(2));
    }
    return latencies.join(' ');
  }

  console.log('ready');
  for await (const line of readline.createInterface({input: process.stdin})) {
    const words = line.split(' ');
    if (words[0] === 'run') {
      console.log(await requests(Number(words[1]), 0));
    } else if (words[0] === 'rate') {
      const before = process.cpuUsage();
      const latencies = await requests(Number(words[2]), 1 / Number(words[1]));
      const used = process.cpuUsage(before);
      console.log(((used.user + used.system) / 1e6).toFixed(6) + ' ' + latencies);
    } else if (words[0] === 'output') {
      const result = (await session.run(feeds))[session.outputNames[0]];
      fs.writeFileSync(words[1], Buffer.from(result.data.buffer, result.data.byteOffset, result.data.byteLength));
      console.log('done');
    }
  }
}
main().catch((error) => { console.error('ort_serve: ' + error.message); process.exit(1); });
