package bedrock_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// header returns bedrock.h of the repository. A copy of the module alone has none.
func header(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "include", "bedrock.h"))
	if err != nil {
		t.Skip("skipped: this module is not in the repository: ", err)
	}
	return string(text)
}

// declared returns the values of the package's constants of one type.
func declared(t *testing.T, file, kind string) []int {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []int
	ast.Inspect(parsed, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && spec.Type != nil && len(spec.Values) == 1 {
			if name, ok := spec.Type.(*ast.Ident); ok && name.Name == kind {
				value := spec.Values[0]
				sign := 1
				if negative, ok := value.(*ast.UnaryExpr); ok {
					sign, value = -1, negative.X
				}
				number, err := strconv.Atoi(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, sign*number)
			}
		}
		return true
	})
	return values
}

func TestTheConstantsAreThoseOfTheHeader(t *testing.T) {
	for pattern, mine := range map[string][]int{
		`BEDROCK_E_\w+ = (-\d+),`:        declared(t, "status.go", "Status"),
		`BEDROCK_EVENT_\w+ = (\d+),`:     declared(t, "event.go", "EventType"),
		`BEDROCK_FEED_\w+ = (\d),`:       declared(t, "feed.go", "FeedType"),
		`BEDROCK_ATTACHMENTS_\w+ = (\d)`: declared(t, "request.go", "Attachments"),
	} {
		var theirs []int
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(header(t), -1) {
			value, _ := strconv.Atoi(match[1])
			theirs = append(theirs, value)
		}
		slices.Sort(mine)
		slices.Sort(theirs)
		if !slices.Equal(mine, theirs) || len(mine) == 0 {
			t.Errorf("%s: the package has %v, the header %v", pattern, mine, theirs)
		}
	}
	for _, status := range declared(t, "status.go", "Status") {
		if !strings.Contains(header(t), bedrock.Status(status).Error()+" = "+strconv.Itoa(status)) {
			t.Errorf("%d is called %s", status, bedrock.Status(status).Error())
		}
	}
}

func TestTheConfigHasEveryKeyOfTheHeader(t *testing.T) {
	yes := true
	full := bedrock.Config{FIPS: &yes, DualStack: &yes, KeepAnswer: &yes, AllowHTTP: true, Defaults: "{}", Transport: "{}",
		Fallbacks: []bedrock.Fallback{{Model: "m"}}, FallbackOn: []string{"not_found"},
		Limits: bedrock.Limits{Adaptive: true}}
	fill(reflect.ValueOf(&full).Elem())
	full.Cache.Points = []string{"system"}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{"options": true} // Extra has the purpose of options
	for key, value := range object {
		written[key] = true
		if text, ok := value.(string); ok && key != "timeout" && key != "cooldown" && !strings.EqualFold(text, strings.ReplaceAll(key, "_", "")) {
			t.Errorf("%s is written from the field %s", key, text)
		}
		if members, ok := value.(map[string]any); ok {
			for member := range members {
				written[key+"."+member] = true
			}
		}
	}
	_, table, _ := strings.Cut(header(t), "The keys, with the type and the default of each:")
	table, _, _ = strings.Cut(table, "An unknown key is an error")
	keys := regexp.MustCompile(`(?m)^ \*   ([a-z_]+(?:\.[a-z_]+)?) {2,}`).FindAllStringSubmatch(table, -1)
	if len(keys) < 30 {
		t.Fatalf("only %d keys were found", len(keys))
	}
	for _, key := range keys {
		if !written[key[1]] {
			t.Errorf("the config has no field for %s", key[1])
		}
		delete(written, key[1])
	}
	for key := range written {
		if key != "options" {
			t.Errorf("the header has no key %s", key)
		}
	}
}

// fill sets every text, to the name of its field, and every number and duration.
func fill(value reflect.Value) {
	for i := range value.NumField() {
		switch field := value.Field(i); {
		case field.Kind() == reflect.String:
			field.SetString(value.Type().Field(i).Name)
		case field.Kind() == reflect.Struct:
			fill(field)
		case field.CanInt():
			field.SetInt(int64(time.Second))
		}
	}
}

func TestTheVersionIsThatOfTheHeader(t *testing.T) {
	part := func(name string) string {
		return regexp.MustCompile(`BEDROCK_VERSION_` + name + `\s+(\d+)`).FindStringSubmatch(header(t))[1]
	}
	if want := part("MAJOR") + "." + part("MINOR") + "." + part("PATCH"); bedrock.Version() != want {
		t.Errorf("the library is %s, the header %s", bedrock.Version(), want)
	}
}

func TestEveryExportedItemIsDocumented(t *testing.T) {
	files := token.NewFileSet()
	names, _ := filepath.Glob("*.go")
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	pkg, err := doc.NewFromFiles(files, parsed, "bedrock")
	if err != nil {
		t.Fatal(err)
	}
	items := 0
	check := func(name, text string) {
		if items++; strings.TrimSpace(text) == "" {
			t.Errorf("%s is not documented", name)
		}
	}
	functions := func(of string, list []*doc.Func) {
		for _, function := range list {
			check(of+function.Name, function.Doc)
		}
	}
	values := func(list []*doc.Value) {
		for _, group := range list {
			check(group.Names[0], group.Doc)
		}
	}
	check("package", pkg.Doc)
	functions("", pkg.Funcs)
	values(pkg.Consts)
	values(pkg.Vars)
	for _, kind := range pkg.Types {
		check(kind.Name, kind.Doc)
		functions(kind.Name+".", kind.Funcs)
		functions(kind.Name+".", kind.Methods)
		for _, spec := range kind.Decl.Specs {
			if fields, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType); ok {
				for _, field := range fields.Fields.List {
					for _, name := range field.Names {
						if name.IsExported() {
							check(kind.Name+"."+name.Name, field.Doc.Text())
						}
					}
				}
			}
		}
		for _, group := range kind.Consts {
			for _, spec := range group.Decl.Specs {
				check(spec.(*ast.ValueSpec).Names[0].Name, spec.(*ast.ValueSpec).Doc.Text())
			}
		}
	}
	if items < 100 {
		t.Errorf("only %d items were found", items)
	}
}
