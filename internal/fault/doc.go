// Package fault is the file layer of the store: the disk itself ([OS]), or a
// wrapper around it that asks a function before each operation and fails,
// shortens or lets it pass as that function says ([Injector]). Tests use it to
// fill disks, break fsync, and to stop the world after any step.
package fault
