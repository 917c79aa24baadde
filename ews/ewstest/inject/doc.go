// Package inject decides which faults of a simulated EWS server happen when.
package inject
