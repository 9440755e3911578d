using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Format.Tests;

/// <summary>
/// The leaves of a version as tests/format lists them, with the encodings that Tempo gives them:
/// <code>
/// Name kind [dict] [delta] [snappy]     kind: bytes text u64 i64 u32 i32 double bool, ? for optional, [] for repeated
/// Name group|repeated|list|map [@Part]  children are indented by two; repeated: a plain group; list: LIST of three levels
/// Name dedicated scope                  the group of the scope's dedicated columns (vParquet5), if there are any
/// @Part                                 a group of children that is used more than once
/// </code>
/// </summary>
internal sealed class SchemaListing
{
    private readonly Dictionary<string, List<Line>> _parts = [];
    private readonly DedicatedColumns _dedicated;
    private readonly bool _wrapsLists;

    private SchemaListing(string text, DedicatedColumns dedicated)
    {
        _dedicated = dedicated;
        _wrapsLists = text.Contains(" list", StringComparison.Ordinal);
        var top = new List<Line>();
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToList();
        for (var i = 0; i < lines.Count;)
        {
            var line = Read(lines, ref i, 0);
            if (line.Words[0][0] == '@') _parts.Add(line.Words[0], line.Children);
            else top.Add(line);
        }

        Schema = new ParquetSchema("Trace", Nodes(top, ""));
    }

    public ParquetSchema Schema { get; }

    /// <summary>The words behind the kind of each leaf, by its path: dict, delta, snappy.</summary>
    public Dictionary<string, HashSet<string>> Words { get; } = [];

    public static SchemaListing Load(string name, DedicatedColumns dedicated) =>
        new(File.ReadAllText(GoldenFolder.PathOf(name + ".txt")), dedicated);

    private static Line Read(List<string> lines, ref int i, int depth)
    {
        var line = new Line(lines[i++].Trim().Split(' '), []);
        while (i < lines.Count && lines[i].TakeWhile(static c => c == ' ').Count() > depth * 2)
            line.Children.Add(Read(lines, ref i, depth + 1));
        return line;
    }

    private SchemaNode[] Nodes(List<Line> lines, string prefix) => [.. lines.SelectMany(line => Node(line, prefix))];

    private IEnumerable<SchemaNode> Node(Line line, string prefix)
    {
        var name = line.Words[0];
        var path = prefix + name;
        if (line.Words[1] == "dedicated") return Dedicated(name, path, Enum.Parse<AttributeScope>(line.Words[2], ignoreCase: true));
        var children = line.Words.Length > 2 && line.Words[2][0] == '@' ? _parts[line.Words[2]] : line.Children;
        return
        [
            line.Words[1] switch
            {
                "group" => SchemaNode.Group(name, Repetition.Required, Nodes(children, path + ".")),
                "repeated" => SchemaNode.Group(name, Repetition.Repeated, Nodes(children, path + ".")),
                "list" =>
                    SchemaNode.AnnotatedGroup(name, Repetition.Required, LogicalKind.List, SchemaNode.Group("list", Repetition.Repeated,
                        SchemaNode.Group("element", Repetition.Required, Nodes(children, path + ".list.element.")))),
                "map" => SchemaNode.AnnotatedGroup(name, Repetition.Required, LogicalKind.Map,
                    SchemaNode.Group("key_value", Repetition.Repeated, Nodes(children, path + ".key_value."))),
                var kind => Leaf(name, path, kind, line.Words[2..]),
            },
        ];
    }

    private SchemaNode Leaf(string name, string path, string kind, string[] words)
    {
        var isRepeated = kind.EndsWith("[]", StringComparison.Ordinal);
        if (isRepeated && _wrapsLists)
            return SchemaNode.AnnotatedGroup(name, Repetition.Required, LogicalKind.List, SchemaNode.Group("list", Repetition.Repeated,
                Leaf("element", path + ".list.element", kind[..^2], words)));
        Words[path] = [.. words];
        var repetition = isRepeated ? Repetition.Repeated : kind.EndsWith('?') ? Repetition.Optional : Repetition.Required;
        return kind.TrimEnd('?', '[', ']') switch
        {
            "bytes" => SchemaNode.Binary(name, repetition),
            "text" => SchemaNode.Text(name, repetition),
            "u64" => SchemaNode.UInt64(name, repetition),
            "i64" => SchemaNode.Int64(name, repetition),
            "u32" => SchemaNode.UInt32(name, repetition),
            "i32" => SchemaNode.Int32(name, repetition),
            "double" => SchemaNode.Double(name, repetition),
            "bool" => SchemaNode.Boolean(name, repetition),
            _ => throw new FormatException($"{path}: {kind}"),
        };
    }

    private IEnumerable<SchemaNode> Dedicated(string name, string path, AttributeScope scope)
    {
        SchemaNode[] leaves =
        [
            .. Numbered(scope, AttributeType.String).Select(field => Leaf(field, $"{path}.{field}", "text[]", ["dict", "snappy"])),
            .. Numbered(scope, AttributeType.Int).Select(field => Leaf(field, $"{path}.{field}", "i64[]", ["snappy"])),
        ];
        return leaves.Length == 0 ? [] : [SchemaNode.Group(name, Repetition.Required, leaves)];
    }

    private IEnumerable<string> Numbered(AttributeScope scope, AttributeType type) =>
        _dedicated.Specs.Where(spec => spec.Scope == scope && spec.Type == type).Select((_, i) => $"{type}{i + 1:00}");

    private sealed record Line(string[] Words, List<Line> Children);
}
