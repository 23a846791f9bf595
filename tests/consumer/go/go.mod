module stream

go 1.24.0

require github.com/libbedrock/libbedrock/bindings/go v0.0.0

replace github.com/libbedrock/libbedrock/bindings/go => ../bindings
