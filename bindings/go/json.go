package bedrock

import (
	"bytes"
	"encoding/json"
)

// encodeFor is encode with an error of this package.
func encodeFor(doing string, value any) (string, error) {
	text, err := encode(value)
	if err != nil {
		failure := own(ErrInvalidArgument, doing, "the value cannot be encoded as JSON", "")
		failure.cause = err
		return "", failure
	}
	return text, nil
}

// encode returns the JSON text of a value. A string and bytes are JSON text already.
func encode(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case []byte:
		return string(value), nil
	case json.RawMessage:
		return string(value), nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false) // a prompt keeps its < and &, which are fewer tokens than escapes
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return buffer.String(), nil
}
