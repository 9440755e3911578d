using System.IO.Enumeration;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>Keys of attributes, with <c>*</c> and <c>?</c>. Keeps scratch memory: one request's.</summary>
internal sealed class AttributePatterns(IReadOnlyList<string> patterns)
{
    private readonly Dictionary<string, bool> _matches = new(StringComparer.Ordinal);

    public bool IsEmpty => patterns.Count == 0;

    /// <summary>Appends the attributes of a span that match, in the order of their keys, each with its length.</summary>
    public void AppendMatching(SpanBatch batch, int row, NativeBuffer text)
    {
        if (IsEmpty) return;
        var matching = new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        SpanAttributeBytes.ForEach(batch, row, (key, keyValue) =>
        {
            if (Matches(key)) matching[key] = keyValue;
        });
        foreach (var attribute in matching.Values)
        {
            text.Append(BitConverter.GetBytes(attribute.Length));
            text.Append(attribute.Span);
        }
    }

    private bool Matches(string key)
    {
        if (!_matches.TryGetValue(key, out var matches))
            _matches.Add(key, matches = patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, key, ignoreCase: false)));
        return matches;
    }
}
