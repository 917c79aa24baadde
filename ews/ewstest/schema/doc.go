// Package schema reads EWS requests as strictly as Exchange does: element
// names, namespaces, order, attributes and simple values are checked against a
// table before anything is done with the request. The table, requests.txt, was
// written after the public EWS schemas of Exchange 2016 for the operations that
// the simulator offers.
//
// Small requests become a tree of nodes. The Data elements of UploadItems do
// not: they are decoded while they are read and handed on as a stream.
package schema
