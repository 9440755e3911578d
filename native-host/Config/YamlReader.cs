using System.Buffers;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Tempo.Host.Config;

/// <summary>
/// Text → tree of nodes, over YamlDotNet's event parser, for one document. Everything is limited: the size of the text,
/// the depth, and the number of nodes after aliases are followed, which is known before anything walks them, so that an
/// alias bomb costs no more than its own text. Not taken: duplicate keys, merge keys (<c>&lt;&lt;</c>), keys that are not
/// scalars, explicit tags other than the core ones, more than one document, control characters.
/// </summary>
public sealed class YamlReader
{
    /// <summary>Largest file, in bytes of UTF-8.</summary>
    public const int MaxFileBytes = 10 << 20;

    /// <summary>Deepest nesting of mappings and lists; the reader recurses once a level.</summary>
    public const int MaxDepth = 64;

    /// <summary>Most nodes, counting what aliases repeat.</summary>
    public const int MaxNodes = 200_000;

    /// <summary>Most nodes that aliases may add to what is written in the file.</summary>
    public const int MaxAliasedNodes = 1_000;

    /// <summary>
    /// What no YAML has in it. The parser takes a NUL for the end of the text, and a file that a power cut has left is full of them.
    /// </summary>
    private static readonly SearchValues<char> ControlCharacters =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(static c => (char)c).Except(['\t', '\n', '\r']), '\x7F']);

    private readonly string _fileName;
    private readonly Parser _parser;
    private readonly Dictionary<string, YamlNode> _anchors = new(StringComparer.Ordinal);
    private long _nodes;
    private long _aliasedNodes;

    private YamlReader(string fileName, string text)
    {
        _fileName = fileName;
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>The root node, or null for a text without content.</summary>
    /// <exception cref="ConfigException">Not YAML, or over a limit; the message has the file and the line.</exception>
    public static YamlNode? Read(string fileName, string text)
    {
        var sizeBytes = Encoding.UTF8.GetByteCount(text);
        if (sizeBytes > MaxFileBytes) throw new ConfigException($"{fileName}: {sizeBytes} bytes, at most {MaxFileBytes} are read");
        if (text.AsSpan().IndexOfAny(ControlCharacters) is >= 0 and var control)
        {
            var line = text.AsSpan(0, control).Count('\n') + 1;
            throw new ConfigException($"{fileName}: line {line}: control characters are not allowed: U+{(int)text[control]:X4}");
        }

        var reader = new YamlReader(fileName, text);
        try
        {
            return reader.ReadStream();
        }
        catch (YamlException e)
        {
            throw new ConfigException($"{fileName}: line {LineOf(e, text)}: {e.Message}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException)
        {
            // The parser answers some malformed texts with exceptions that carry no position: give the last one it had.
            throw new ConfigException($"{fileName}: line {Math.Max(1, reader._parser.Current?.Start.Line ?? 1)}: not valid YAML");
        }
    }

    // The parser names the place where it began to read, which for a tab is often the line before, and for a text that
    // ends too early one line after the last.
    private static int LineOf(YamlException error, string text)
    {
        var lines = text.TrimEnd('\n').Split('\n');
        var line = (int)Math.Clamp(error.Start.Line, 1, lines.Length);
        if (!error.Message.Contains("tab", StringComparison.Ordinal)) return line;
        for (var i = line - 1; i < lines.Length; i++)
        {
            if (lines[i].AsSpan(0, lines[i].Length - lines[i].AsSpan().TrimStart().Length).Contains('\t')) return i + 1;
        }

        return line;
    }

    private YamlNode? ReadStream()
    {
        Next<StreamStart>();
        if (Next<ParsingEvent>() is StreamEnd) return null;
        Expect<DocumentStart>(_parser.Current);
        var root = ReadNode(Next<ParsingEvent>(), 0);
        Next<DocumentEnd>();
        if (Next<ParsingEvent>() is not StreamEnd) throw At(_parser.Current, "a second document; one is read");
        return root;
    }

    private YamlNode ReadNode(ParsingEvent start, int depth)
    {
        if (depth > MaxDepth) throw At(start, $"nested deeper than {MaxDepth}");
        if (start is AnchorAlias alias) return Follow(alias);
        if (++_nodes > MaxNodes) throw At(start, $"more than {MaxNodes} values");
        if (start is NodeEvent { Tag.IsEmpty: false } tagged && !IsCoreTag(tagged.Tag.Value))
            throw At(start, tagged.Tag.Value.StartsWith("tag:yaml.org,", StringComparison.Ordinal)
                ? $"tag {GoText.Quote(tagged.Tag.Value)} is not known"
                : "a tag that is not known; a text that begins with ! is put in quotes");
        // By an escape. No name or path has one, and the system's calls would end at it.
        if (start is Scalar { Value: var value } && value.Contains('\0', StringComparison.Ordinal))
            throw At(start, "a text with U+0000 in it");
        YamlNode node = start switch
        {
            Scalar scalar => new YamlScalar(Line(scalar), scalar.Value, scalar.Style != ScalarStyle.Plain),
            MappingStart mapping => ReadMapping(mapping, depth),
            SequenceStart sequence => ReadSequence(sequence, depth),
            _ => throw At(start, "a value is expected"),
        };

        // Only now: inside itself an anchor is not known yet, so a cycle is an unknown alias.
        if (start is NodeEvent { Anchor.IsEmpty: false } anchored) _anchors[anchored.Anchor.Value] = node;
        return node;
    }

    private YamlMapping ReadMapping(MappingStart start, int depth)
    {
        var mapping = new YamlMapping(Line(start));
        while (Next<ParsingEvent>() is not MappingEnd)
        {
            var at = _parser.Current;
            if (at is not Scalar key) throw At(at, "a key must be a plain text");
            if (key.Value == "<<") throw At(at, "merge keys (<<) are not read");
            var value = ReadNode(Next<ParsingEvent>(), depth + 1);
            if (!mapping.TryAdd(new YamlEntry(key.Value, Line(key), value)))
                throw At(key, $"key {GoText.Quote(key.Value)} already set in this mapping");
        }

        return mapping;
    }

    private YamlSequence ReadSequence(SequenceStart start, int depth)
    {
        var sequence = new YamlSequence(Line(start));
        while (Next<ParsingEvent>() is not SequenceEnd) sequence.Add(ReadNode(_parser.Current!, depth + 1));
        return sequence;
    }

    private YamlNode Follow(AnchorAlias alias)
    {
        // its name may be a password
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
            throw At(alias, "an anchor that is not known; a text that begins with * is put in quotes");
        _aliasedNodes += node.NodeCount;
        if (_aliasedNodes > MaxAliasedNodes) throw At(alias, $"aliases repeat more than {MaxAliasedNodes} values");
        return node;
    }

    private T Next<T>() where T : ParsingEvent
    {
        do
        {
            if (!_parser.MoveNext()) throw new ConfigException($"{_fileName}: unexpected end of the file");
        }
        while (_parser.Current is Comment);
        return Expect<T>(_parser.Current);
    }

    private T Expect<T>(ParsingEvent? found) where T : ParsingEvent =>
        found as T ?? throw At(found, $"{typeof(T).Name} is expected");

    private ConfigException At(ParsingEvent? at, string text) => new($"{_fileName}: line {(at is null ? 1 : Line(at))}: {text}");

    private static int Line(ParsingEvent at) => (int)Math.Max(1, at.Start.Line);

    private static bool IsCoreTag(string tag) =>
        tag is "!" or "tag:yaml.org,2002:str" or "tag:yaml.org,2002:int" or "tag:yaml.org,2002:bool" or "tag:yaml.org,2002:float"
            or "tag:yaml.org,2002:null" or "tag:yaml.org,2002:map" or "tag:yaml.org,2002:seq";
}
