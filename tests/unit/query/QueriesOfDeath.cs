using System.Text;

namespace Tempo.Query.Tests;

/// <summary>Queries that are meant to hurt: long, deep, wide, with expensive patterns and absurd numbers. Some are valid.</summary>
public static class QueriesOfDeath
{
    public static IEnumerable<(string Name, string Query)> All()
    {
        foreach (var count in new[] { 10, 100, 300, 1_000, 3_000, 10_000 })
            foreach (var (name, query) in OfSize(count))
                yield return ($"{name} x {count}", query);
        foreach (var (name, query) in Fixed()) yield return (name, query);
    }

    private static IEnumerable<(string Name, string Query)> OfSize(int n)
    {
        string Times(string piece) => new StringBuilder().Insert(0, piece, n).ToString();
        string Chain(Func<int, string> part, string joint) => string.Join(joint, Enumerable.Range(0, n).Select(part));
        yield return ("nested parentheses", $"{{ {Times("(")}.a = 1{Times(")")} }}");
        yield return ("open parentheses", $"{{ {Times("(")}");
        yield return ("closed parentheses", $"{{ .a = 1 {Times(")")} }}");
        yield return ("nested spanset parentheses", $"{Times("(")}{{ .a = 1 }}{Times(")")}");
        yield return ("or of one field", $"{{ {Chain(static i => $".a = \"{i}\"", " || ")} }}");
        yield return ("or of numbers", $"{{ {Chain(static i => $"span.count = {i}", " || ")} }}");
        yield return ("or of floats", $"{{ {Chain(static i => $".a = {i}.5", " || ")} }}");
        yield return ("or of fields", $"{{ {Chain(static i => $".a{i} = 1", " || ")} }}");
        yield return ("and of one field", $"{{ {Chain(static i => $".a != \"{i}\"", " && ")} }}");
        yield return ("and of fields", $"{{ {Chain(static i => $".a{i} != nil", " && ")} }}");
        yield return ("and of ors", $"{{ {Chain(static i => $"(.a = {i} || .b = {i})", " && ")} }}");
        yield return ("or of ands", $"{{ {Chain(static i => $"(.a = {i} && .b = {i})", " || ")} }}");
        yield return ("or of patterns", $"{{ {Chain(static i => $"name =~ \".*{i}.*x.*\"", " || ")} }}");
        yield return ("or of slow patterns", $"{{ {Chain(static i => $"name =~ \"(a|b{i})*c\"", " || ")} }}");
        yield return ("or of events", $"{{ {Chain(static i => $"event.a = {i}", " || ")} }}");
        yield return ("and of events", $"{{ {Chain(static i => $"event.a != {i}", " && ")} }}");
        yield return ("and of events and links", $"{{ {Chain(static i => $"(event.a != {i} || link.a = {i})", " && ")} }}");
        yield return ("nots", $"{{ {Times("!")}.a }}");
        yield return ("spaced nots", $"{{ {Times("! ")}(.a = 1) }}");
        yield return ("minuses", $"{{ {Times("-")}.a = 1 }}");
        yield return ("sums", $"{{ {Chain(static i => $".a{i}", " + ")} > 1 }}");
        yield return ("powers", $"{{ {Chain(static _ => ".a", " ^ ")} > 1 }}");
        yield return ("folded powers", $"{{ {Chain(static _ => "9", " ^ ")} > .a }}");
        yield return ("comparisons in a row", $"{{ {Chain(static _ => ".a", " = ")} }}");
        yield return ("descendants", Chain(static _ => "{ name != \"q\" }", " >> "));
        yield return ("negated descendants", Chain(static _ => "{ }", " !>> "));
        yield return ("siblings and children", Chain(static i => i % 2 == 0 ? "{ }" : "{ .a = 1 }", " &~ "));
        yield return ("nested relations", $"{Times("({ } > ")}{{ }}{Times(")")}");
        yield return ("filters in a row", Chain(static _ => "{ }", " | "));
        yield return ("groups in a row", "{ } | " + Chain(static i => $"by(.a{i})", " | "));
        yield return ("group and coalesce", "{ } | " + Chain(static i => i % 2 == 0 ? "by(name)" : "coalesce()", " | "));
        yield return ("counts in a row", "{ } | " + Chain(static _ => "count() > 0", " | "));
        yield return ("selected fields", $"{{ }} | select({Chain(static i => $".a{i}", ", ")})");
        yield return ("pipelines joined", Chain(static _ => "({ } | count() > 0)", " || "));
        yield return ("hints", $"{{ }} with({Chain(static i => $"h{i}=1", ", ")})");
        yield return ("a long name", $"{{ .{Times("n")} = 1 }}");
        yield return ("a long text", $"{{ .a = \"{Times("t")}\" }}");
        yield return ("escapes", $"{{ .a = \"{Times("\\\"")}\" }}");
        yield return ("an open text", $"{{ .a = \"{Times("t")}");
        yield return ("a long number", $"{{ .a = {Times("9")} }}");
        yield return ("a comment", $"{{ .a = 1 }} //{Times(" c")}");
        yield return ("blanks", $"{{ {Times(" ")} }}");
        yield return ("operators", Times("=") + Times("~"));
        yield return ("nested groups of a pattern", $"{{ name =~ \"{Times("(")}a{Times(")")}\" }}");
        yield return ("alternatives", $"{{ name =~ \"{Chain(static i => $"a{i}", "|")}\" }}");
        yield return ("classes", $"{{ name =~ \"{Times("[a-c]")}\" }}");
        yield return ("optional parts", $"{{ name =~ \"{Times("a?")}{Times("a")}\" }}");
        yield return ("stars", $"{{ name =~ \"{Times("a*")}\" }}");
        yield return ("any texts", $"{{ name =~ \"{Times(".*x")}\" }}");
        yield return ("repeated groups", $"{{ name =~ \"(a{{1,{Math.Min(n, 1000)}}}){{1,{Math.Min(n, 1000)}}}\" }}");
    }

    private static IEnumerable<(string Name, string Query)> Fixed()
    {
        string[] queries =
        [
            "{ name =~ \"(a+)+$\" }", "{ name =~ \"(a|aa)+b\" }", "{ name =~ \"(.*a){30}\" }", "{ name =~ \"((a{100}){100}){100}\" }",
            "{ name =~ \"a{100000}\" }",
            "{ name =~ \"(?=a)b\" }", "{ name =~ \"\\\\1(a)\" }", "{ .a =~ \"[\" }", "{ .a =~ \"\\\\x{110000}\" }", "{ .a =~ \"\\xff\" }",
            "{ .a = 9223372036854775807 }", "{ .a + 9223372036854775807 > 0 }", "{ -9223372036854775807 - 2 < .a }", "{ .a / 0 = 1 }",
            "{ .a % 0 = 1 }", "{ 1 / 0 = .a }",
            "{ 2 ^ 1000000000 > .a }", "{ .a ^ 1000000000000 = 1 }", "{ 1e308 * 10 > .a }", "{ duration > 9223372036854775807ns }",
            "{ duration > 292y }", "{ duration > 300y }",
            "{ span:id = \"" + new string('f', 5000) + "\" }", "{ trace:id = \"" + new string('0', 5000) + "\" }", "{ trace:id =~ \".*\" }",
            "{} | by(1 / .a) | by(.a ^ .b) | count() > 0", "{} | avg(.a / 0) > 0", "{} | sum(9223372036854775807 * .a) > 0",
            "{} | max(duration ^ 100) > 0",
            "{ event.a = link.b }", "{ event.a = link.b && event:name = link:spanID }",
            "{ event:name =~ \".*\" && link:traceID =~ \".*\" }",
            "{ nestedSetLeft > -1 } >> { nestedSetParent < 0 } << { } ~ { }", "{ } !>> { } !<< { } !~ { }", "({ } | by(.a)) >> ({ })",
            "{ .a = nil && .b != nil || nil = nil }", "{ true } && { false } || { 1 = 1 }", "{} with(explain=true)",
            "{} with(explain=\"yes\", most_recent=1, sample=-1)",
        ];
        foreach (var query in queries) yield return (query.Length > 60 ? query[..60] : query, query);
    }
}
