// Package bedrock calls Amazon Bedrock through libbedrock. The AWS SDK is inside that library, so this module has no
// SDK among its dependencies.
//
// A [Model] is made once and used by any number of goroutines. [Model.Generate] waits for a complete response, and
// [Model.Stream] reads it while the model writes it:
//
//	model, err := bedrock.New(bedrock.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0"})
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//
//	request := bedrock.NewRequest().Text("user", "Why is the sky blue?")
//	defer request.Close()
//	stream := model.Stream(ctx, request)
//	defer stream.Close()
//	for text, err := range stream.Text() {
//		if err != nil {
//			return err // also if the response broke off
//		}
//		fmt.Print(text)
//	}
//
// # Threads
//
// A call holds no thread of the operating system while it waits. All calls of the process share one descriptor in Go's
// network poller, and one goroutine, which ends when the last model and the last stream are closed. Only
// [Model.Connect] and [Shutdown] wait inside the library, at most eight of them at a time.
//
// # Contexts
//
// Each call ends when its context is done. Its error then matches ctx.Err() and context.Cause(ctx) with [errors.Is],
// and [ErrCancelled].
//
// # Closing
//
// Models, requests, streams and responses own memory of the library, which Go's garbage collector does not see. Close
// them. If that is forgotten, the collector does it, at some later time. Close may be called at any time, more than
// once, and by any goroutine, also while another one uses the object. What the package returns (events, texts, errors)
// is Go's own memory and stays valid.
//
// # JSON
//
// Config, requests and responses are JSON. A parameter that is called members, message or defaults takes the text of a
// JSON object as a string, a []byte or a [json.RawMessage], or any other value, which [encoding/json] then encodes.
// docs/dialects.md in the repository lists the members of a request.
//
// # Linking
//
// With cgo the package is linked with the shared library that pkg-config finds as "bedrock". The build tag
// bedrock_static links libbedrock.a instead. With CGO_ENABLED=0 the program opens libbedrock.so.0 when it first calls
// the library; the environment variable LIBBEDROCK names another file. [Link] is which of them a program has.
package bedrock
