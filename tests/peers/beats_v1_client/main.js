// A Lumberjack 1 sender that somebody else wrote: announces one window when it connects, sends data frames without end, and
// takes acknowledgements as they come. usage: main.js PORT CA EVENTS (a multiple of the window of 1,000)
'use strict'
const fs = require('fs')
const ClientSocket = require('lumberjack-protocol/lib/ClientSocket')

const [port, ca, events] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])]
const socket = new ClientSocket({ windowSize: 1000, allowDrop: () => false })
socket.on('connect', () => {
  for (let i = 0; i < events; ++i)
    socket.writeDataFrame({ line: `event number ${i}`, host: 'peer', offset: i, n: i }, (failure) => { if (failure) throw failure })
})
socket.on('ack', (sequence) => { if (sequence >= events) process.exit(0) })
socket.on('error', (failure) => { console.error(failure); process.exit(1) })
socket.on('end', () => { console.error('the server closed the connection'); process.exit(1) })
socket.connect({ host: 'localhost', port, ca: fs.readFileSync(ca) })
