// Preloaded into each test file (.taprc): what a test starts is started as anybody would start it.
//
// tap has every process and thread below a test file tell which files it loads, for watching and for coverage, and finds
// the lines of their sources. Nobody asks for that here, and with it a server takes 1.7 times the CPU time to start.
import processOnSpawn from 'process-on-spawn';

processOnSpawn.removeAllListeners(); // they put NODE_OPTIONS into the environment of whatever is started
delete process.env.NODE_OPTIONS;
process.execArgv.splice(0); // what fork() hands on
