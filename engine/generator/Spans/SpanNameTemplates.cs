using System.Buffers;

namespace Tempo.Engine.Generator.Spans;

/// <summary>What becomes of span names that hold ids (<c>span_name_sanitization</c>).</summary>
public enum SpanNameSanitization
{
    Disabled,

    /// <summary>Names stay, and what would have been replaced is counted.</summary>
    DryRun,
    Enabled,
}

/// <summary>
/// Span names → templates, so that ids in them do not make a series each. The first half of Drain (He et al., ICWS 2017), a tree of
/// tokens; its second half, clusters whose templates go on changing, would rename series that exist.
/// <code>
/// 1 tokens     runs between blanks and / . : - _ ? &amp; = , ; ( ) [ ] — which stay as they are
/// 2 numbers    a token of digits, or of hex digits with a digit among them and at least four, is <c>&lt;_&gt;</c> at once
/// 3 tree       a token goes down to the child of its text; a node that has <see cref="MaxChildren"/> sends what is new to <c>&lt;_&gt;</c>
/// </code>
/// A name that has a template keeps it. Memory: at most <see cref="MaxNodes"/> nodes and <see cref="MaxKnown"/> names. Not thread safe.
/// </summary>
internal sealed class SpanNameTemplates
{
    /// <summary>Children of a node, before it says that they are ids: more routes of one prefix than a person writes.</summary>
    public const int MaxChildren = 100;

    private const int MaxNodes = 20_000;

    /// <summary>
    /// Names whose template is remembered; beyond, all are forgotten and looked up in the tree again, where nothing has changed.
    /// </summary>
    private const int MaxKnown = 10_000;

    /// <summary>A name of more tokens ends in one variable.</summary>
    private const int MaxTokens = 64;

    private const int MinHexBytes = 4;

    private static readonly SearchValues<byte> Delimiters = SearchValues.Create(" \t/.:-_?&=,;()[]"u8);
    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdefABCDEF"u8);
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789"u8);

    private readonly Node _root = new();
    private readonly Dictionary<byte[], byte[]> _known = new(ByteTextComparer.Instance);
    private readonly Dictionary<byte[], byte[]>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly ArrayBufferWriter<byte> _template = new();
    private readonly ProcessorCounts _counts;
    private int _nodes;

    public SpanNameTemplates(ProcessorCounts counts) => (_counts, _lookup) = (counts, _known.GetAlternateLookup<ReadOnlySpan<byte>>());

    /// <summary>The template, which is equal to the name where nothing in it varies; good for ever.</summary>
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> name)
    {
        if (_lookup.TryGetValue(name, out var template)) return template;
        if (_known.Count >= MaxKnown) _known.Clear();
        template = Make(name);
        _known.Add(name.ToArray(), template);
        return template;
    }

    private byte[] Make(ReadOnlySpan<byte> name)
    {
        _template.ResetWrittenCount();
        var node = _root;
        for (var tokens = 0; name.Length > 0; tokens++)
        {
            var skipped = name.IndexOfAnyExcept(Delimiters);
            if (skipped < 0) skipped = name.Length;
            _template.Write(name[..skipped]);
            name = name[skipped..];
            if (name.Length == 0) break;
            if (tokens == MaxTokens)
            {
                _template.Write("<_>"u8);
                _counts.NamesCutShort++;
                break;
            }

            var length = name.IndexOfAny(Delimiters) is >= 0 and var end ? end : name.Length;
            var child = IsNumber(name[..length]) ? null : Child(node, name[..length]);
            _template.Write(child is null ? "<_>"u8 : name[..length]);
            node = child ?? (node.Variable ??= new Node());
            name = name[length..];
        }

        if (!node.IsEnd) _counts.TemplatesMade++;
        node.IsEnd = true;
        return _template.WrittenSpan.ToArray();
    }

    private static bool IsNumber(ReadOnlySpan<byte> token) =>
        !token.ContainsAnyExcept(Digits) || token.Length >= MinHexBytes && !token.ContainsAnyExcept(HexDigits) && token.ContainsAny(Digits);

    // Null: one more would be too many.
    private Node? Child(Node node, ReadOnlySpan<byte> token)
    {
        var children = node.Children.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (children.TryGetValue(token, out var child)) return child;
        if (node.Children.Count >= MaxChildren || _nodes >= MaxNodes) return null;
        _nodes++;
        node.Children.Add(token.ToArray(), child = new Node());
        return child;
    }

    private sealed class Node
    {
        public Dictionary<byte[], Node> Children { get; } = new(ByteTextComparer.Instance);

        /// <summary>Where tokens go that are numbers, or too many; null as long as none has come.</summary>
        public Node? Variable { get; set; }

        /// <summary>A template ends here.</summary>
        public bool IsEnd { get; set; }
    }

    private sealed class ByteTextComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly ByteTextComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] text) => GetHashCode(text.AsSpan());

        public bool Equals(ReadOnlySpan<byte> text, byte[] other) => text.SequenceEqual(other);

        // Senders choose the names: a hash with a seed of the process, so that they cannot choose one bucket.
        public int GetHashCode(ReadOnlySpan<byte> text)
        {
            var hash = new HashCode();
            hash.AddBytes(text);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> text) => text.ToArray();
    }
}
