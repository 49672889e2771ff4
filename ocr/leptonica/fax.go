package leptonica

import (
	"encoding/binary"
	"errors"
)

var errFax = errors.New("leptonica: the G4 image is not of the expected form")

// faxStrip takes the compressed bits out of a TIFF that leptonica has written in memory
// (TIFF 6.0, section 2): one page in one strip. Leptonica's own way to the bits goes by a
// file in /tmp, where a reading child may write nothing.
func faxStrip(tiff []byte) (data []byte, blackIsOne bool, err error) {
	if len(tiff) < 8 {
		return nil, false, errFax
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return nil, false, errFax
	}
	entries := tiff[at+2:]
	tags := make(map[uint16]uint64)
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return nil, false, errFax
		}
		e := entries[:12]
		entries = entries[12:]
		if order.Uint32(e[4:]) != 1 {
			continue // none of those that count here
		}
		value := uint64(order.Uint32(e[8:]))
		if order.Uint16(e[2:]) == 3 { // SHORT
			value = uint64(order.Uint16(e[8:]))
		}
		tags[order.Uint16(e)] = value
	}
	const photometric, stripOffsets, stripByteCounts = 262, 273, 279
	from, n := tags[stripOffsets], tags[stripByteCounts]
	if from == 0 || n == 0 || from+n > uint64(len(tiff)) {
		return nil, false, errFax
	}
	return tiff[from : from+n], tags[photometric] == 1, nil
}
