using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>What a <see cref="RelabelRule"/> does.</summary>
public enum RelabelAction
{
    Replace,
    Keep,
    Drop,
    LabelMap,
    LabelDrop,
    LabelKeep,
    HashMod,
    Lowercase,
    Uppercase,
    KeepEqual,
    DropEqual,
}

/// <summary>
/// One entry of Prometheus' <c>write_relabel_configs</c>: the values of the source labels, joined, are held against a
/// pattern that must match as a whole.
/// </summary>
public sealed class RelabelRule
{
    private readonly Re2Pattern _pattern;

    /// <summary>Throws <see cref="ArgumentException"/> for a pattern that cannot be read.</summary>
    public RelabelRule(
        RelabelAction action, IReadOnlyList<string> sourceLabels, string separator = ";", string pattern = "(.*)", string targetLabel = "",
        string replacement = "$1")
    {
        Action = action;
        SourceLabels = sourceLabels;
        Separator = separator;
        TargetLabel = targetLabel;
        Replacement = replacement;
        Pattern = pattern;
        _pattern = Re2Pattern.TryCompileGroups(pattern, out var compiled, out var error) ? compiled : throw new ArgumentException(error);
    }

    public RelabelAction Action { get; }

    public IReadOnlyList<string> SourceLabels { get; }

    public string Separator { get; }

    /// <summary>In RE2's syntax; matches a text as a whole.</summary>
    public string Pattern { get; }

    public string TargetLabel { get; }

    public string Replacement { get; }

    /// <summary>Of <see cref="RelabelAction.HashMod"/>; above 0 there.</summary>
    public ulong Modulus { get; init; }

    /// <summary>All of the rule as a text, so that two rules can be told apart.</summary>
    internal string Describe() =>
        string.Create(CultureInfo.InvariantCulture,
            $"{Action} {string.Join(',', SourceLabels)} {Separator} {Pattern} {TargetLabel} {Replacement} {Modulus}");

    /// <summary>Changes the labels of a series; false if it is not to be sent.</summary>
    public bool Apply(SortedDictionary<string, string> labels)
    {
        switch (Action)
        {
            case RelabelAction.Keep:
                return _pattern.IsMatch(Source(labels));
            case RelabelAction.Drop:
                return !_pattern.IsMatch(Source(labels));
            case RelabelAction.Replace:
                if (_pattern.Match(Source(labels)) is { } match)
                    Set(labels, _pattern.Expand(match, TargetLabel), _pattern.Expand(match, Replacement));
                return true;
            case RelabelAction.HashMod:
                Set(labels, TargetLabel, (HashOf(Source(labels)) % Modulus).ToString(CultureInfo.InvariantCulture));
                return true;
            case RelabelAction.Lowercase:
                Set(labels, TargetLabel, Source(labels).ToLowerInvariant());
                return true;
            case RelabelAction.Uppercase:
                Set(labels, TargetLabel, Source(labels).ToUpperInvariant());
                return true;
            case RelabelAction.KeepEqual:
                return Source(labels) == labels.GetValueOrDefault(TargetLabel, "");
            case RelabelAction.DropEqual:
                return Source(labels) != labels.GetValueOrDefault(TargetLabel, "");
            case RelabelAction.LabelMap:
                foreach (var (name, value) in labels.ToArray())
                    if (_pattern.Match(name) is { } found) Set(labels, _pattern.Expand(found, Replacement), value);
                return true;
            default:
                foreach (var name in labels.Keys.ToArray())
                    if (_pattern.IsMatch(name) == (Action == RelabelAction.LabelDrop)) labels.Remove(name);
                return true;
        }
    }

    // As Prometheus divides: the last eight bytes of the MD5, so that it and we send a series to the same shard.
    private static ulong HashOf(string text)
    {
#pragma warning disable CA5351
        return BinaryPrimitives.ReadUInt64BigEndian(MD5.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(8));
#pragma warning restore CA5351
    }

    private string Source(SortedDictionary<string, string> labels) =>
        string.Join(Separator, SourceLabels.Select(name => labels.GetValueOrDefault(name, "")));

    // An empty value is a label that is not there; a name that cannot be one changes nothing.
    private static void Set(SortedDictionary<string, string> labels, string name, string value)
    {
        if (value.Length == 0) labels.Remove(name);
        else if (LabelName.IsValid(name)) labels[name] = value;
    }
}
