// Package internet writes what an item tells as the internet has it: addresses
// and media types.
package internet
