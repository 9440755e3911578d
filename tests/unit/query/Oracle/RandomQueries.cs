namespace Tempo.Query.Tests.Oracle;

/// <summary>Random query texts over the fields and values that <see cref="RandomSpans"/> uses. Some do not validate.</summary>
public sealed class RandomQueries(Random random)
{
    private static readonly string[] Fields =
    [
        ".a", ".b", ".c", "span.a", "span.b", "resource.a", "resource.c", ".service.name", "event.a", "event.b", "link.a",
        "instrumentation.a", ".nope",
        ".list", "span.list", ".dedicated", "span.count", "resource.zone", "parent.a", "parent.span.b", "parent.resource.zone",
        "parent:childCount",
    ];

    private static readonly string[] Literals = ["0", "1", "2", "-1", "1.0", "1.5", "\"x\"", "\"y\"", "\"\"", "\"1\"", "true", "false"];
    private static readonly string[] Comparisons = ["=", "!=", "<", "<=", ">", ">="];
    private static readonly string[] Patterns = ["x", "x|y", ".*", "[xy]+", "", "front|b.*"];
    private static readonly string[] Relations =
        [">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~", "&&", "||"];

    private static readonly string[] IntrinsicTerms =
    [
        "name = \"x\"", "name != \"y\"", "name =~ \"x|z\"", "duration > 2ns", "duration <= 3ns", "duration = 1", "status = error",
        "status != unset", "kind = server",
        "kind != client", "statusMessage = \"\"", "rootName = \"x\"", "rootServiceName != \"front\"", "traceDuration > 10ns",
        "nestedSetParent < 0",
        "nestedSetParent = 0", "span:childCount > 0", "span:parentID = \"0000000000000000\"", "span:id != \"0000000000000001\"",
        "trace:id = \"2\"", "trace:id !~ \"[12]\"",
        "span:parentID = nil", "span:start > 1700000000000000004", "span:end <= 1700000000000001005", "parent:name = \"x\"",
        "parent:duration >= duration", "parent:status = nil",
        "parent:kind = kind", "event{ event.a = 1 && event:name = \"x\" }", "event{ event.a != nil || event.b != .b }",
        "link{ link.a = 1 || link:spanID =~ \"0.*1\" }", "event{ event:name != \"\" }",
        "event:name = \"x\"", "event:timeSinceStart >= 1ns", "link:spanID =~ \"0.*1\"", "instrumentation:name = \"lib\"",
        "instrumentation:version != \"\"",
    ];

    public string Next() => random.Next(10) switch
    {
        < 5 => Filter(),
        < 7 => Spanset(2),
        < 9 => Pipeline(),
        _ when random.Next(3) == 0 =>
            $"({Spanset(1)} | {Pick("count()", "max(duration)")}) {Pick(Comparisons)} ({Pipeline()} | count()){Pick("", " + 1")}",
        _ => $"({Pipeline()}) {(random.Next(2) == 0 ? "&&" : "||")} ({Pipeline()})",
    };

    private string Pipeline()
    {
        var text = Spanset(1);
        for (var stages = random.Next(1, 4); stages > 0; stages--) text += " | " + Stage();
        return text;
    }

    private string Stage() => random.Next(8) switch
    {
        6 => $"{Pick("sum", "max", "avg")}({Field()}) {Pick("/", "+", "*", "-")} {Pick("count()", "min(duration)", "2")} {Pick(Comparisons)} {Pick("1", "max(.a)", "1.5", "count()")}",
        7 => Pick("3", "2") + " >= count()",
        0 => $"by({(random.Next(3) == 0 ? Term(1) : random.Next(3) == 0 ? $"{Field()} + 1" : Field())})",
        1 => "coalesce()",
        2 => $"count() {Pick(Comparisons)} {random.Next(1, 4)}",
        3 => $"{Pick("max", "min", "sum", "avg")}({(random.Next(3) == 0 ? "duration" : Field())}) {Pick(Comparisons)} {Pick("1", "2", "1.5", "0", "3ns")}",
        4 => $"select({Field()}, status)",
        _ => random.Next(2) == 0 ? Filter() : Spanset(2),
    };

    private string Spanset(int depth) =>
        depth == 0 || random.Next(3) == 0 ? Filter() : $"({Spanset(depth - 1)} {Pick(Relations)} {Spanset(depth - 1)})";

    /// <summary><c>{ … }</c> alone.</summary>
    public string Filter() => random.Next(12) == 0 ? "{ }" : $"{{ {Term(3)} }}";

    private string Term(int depth)
    {
        if (depth > 0 && random.Next(3) == 0) return $"({Term(depth - 1)} {Pick("&&", "||")} {Term(depth - 1)})";
        return random.Next(16) switch
        {
            0 => $"!({Term(Math.Max(0, depth - 1))})",
            1 => Field(),
            2 => $"!{Field()}",
            3 => $"{Field()} {Pick("=", "!=")} nil",
            4 => $"{Field()} {Pick("=~", "!~")} \"{Pick(Patterns)}\"",
            5 => $"{Field()} {Pick(Comparisons)} {Field()}",
            6 => $"{Pick(Literals)} {Pick(Comparisons)} {Field()}",
            7 => $"{Field()} {Pick("+", "-", "*", "/", "%")} {Pick("1", "2", "0", "1.5")} {Pick(Comparisons)} {Pick("1", "2", "0.5")}",
            8 => $"(-{Field()}) {Pick(Comparisons)} -1",
            < 12 => Pick(IntrinsicTerms),
            _ => $"{Field()} {Pick(Comparisons)} {Pick(Literals)}",
        };
    }

    private string Field() => Pick(Fields);

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];
}
