using System.Text;
using System.Text.RegularExpressions;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>How the values of a <see cref="FilterMatch"/> are compared.</summary>
public enum FilterMatchType
{
    /// <summary>The whole text is equal.</summary>
    Strict,

    /// <summary>The pattern, in RE2's syntax, is found anywhere in the text.</summary>
    Regex,
}

/// <summary>One attribute of a policy.</summary>
/// <param name="Key">kind, status, name, resource.… or span.….</param>
/// <param name="Value">Text, or a pattern; numbers and truth values in their text form.</param>
public sealed record FilterAttribute(string Key, string Value);

/// <summary>Attributes that are looked at together.</summary>
public sealed record FilterMatch(FilterMatchType Type, IReadOnlyList<FilterAttribute> Attributes);

/// <summary>
/// A policy: a span is taken if all of <see cref="Include"/> match, one of <see cref="IncludeAny"/> does, and not all of
/// <see cref="Exclude"/>.
/// </summary>
public sealed record FilterPolicy(FilterMatch? Include, FilterMatch? IncludeAny, FilterMatch? Exclude)
{
    /// <summary>
    /// Null, or what is wrong with the policies: a key or a value that can match nothing, a pattern that cannot be read, a policy of
    /// nothing.
    /// </summary>
    public static string? Check(IReadOnlyList<FilterPolicy> policies)
    {
        try
        {
            _ = new SpanFilter(policies, new CurrentSpan());
            return null;
        }
        catch (ArgumentException e)
        {
            return e.Message;
        }
    }
}

/// <summary>Decides which spans a processor counts: those that all its policies take.</summary>
internal sealed class SpanFilter
{
    private readonly Policy[] _policies;

    /// <summary>Throws <see cref="ArgumentException"/> for a policy that makes no sense (see <see cref="FilterPolicy.Check"/>).</summary>
    public SpanFilter(IReadOnlyList<FilterPolicy> policies, CurrentSpan current)
    {
        Policy Compile(FilterPolicy policy) => policy is { Include: null, IncludeAny: null, Exclude: null }
            ? throw new ArgumentException("a filter policy has include, include_any or exclude")
            : new(Conditions(policy.Include, current), Conditions(policy.IncludeAny, current), Conditions(policy.Exclude, current));
        _policies = [.. policies.Select(Compile)];
    }

    public bool Takes(CurrentSpan current, in SpanFields span)
    {
        foreach (var policy in _policies)
        {
            if (policy.Include is not null && !All(policy.Include, current, span)) return false;
            if (policy.IncludeAny is not null && !Any(policy.IncludeAny, current, span)) return false;
            if (policy.Exclude is not null && All(policy.Exclude, current, span)) return false;
        }

        return true;
    }

    private static bool All(FilterCondition[] conditions, CurrentSpan current, in SpanFields span)
    {
        foreach (var condition in conditions)
            if (!condition.Matches(current, span)) return false;
        return true;
    }

    private static bool Any(FilterCondition[] conditions, CurrentSpan current, in SpanFields span)
    {
        foreach (var condition in conditions)
            if (condition.Matches(current, span)) return true;
        return false;
    }

    private static FilterCondition[]? Conditions(FilterMatch? match, CurrentSpan current) =>
        match is null ? null : [.. match.Attributes.Select(attribute => FilterCondition.Compile(match.Type, attribute, current))];

    private sealed record Policy(FilterCondition[]? Include, FilterCondition[]? IncludeAny, FilterCondition[]? Exclude);
}

/// <summary>One compiled attribute of a policy.</summary>
internal sealed class FilterCondition
{
    private enum Subject
    {
        Kind,
        Status,
        Name,
        Resource,
        Span,
    }

    private Subject _subject;
    private int _attribute;
    private bool[] _accepted = [];
    private byte[] _text = [];
    private Regex? _pattern;

    public static FilterCondition Compile(FilterMatchType type, FilterAttribute attribute, CurrentSpan current)
    {
        var condition = new FilterCondition { _text = Encoding.UTF8.GetBytes(attribute.Value) };
        if (type == FilterMatchType.Regex && !Re2Pattern.TryCompile(attribute.Value, out condition._pattern, out var error))
            throw new ArgumentException($"filter policy {attribute.Key} \"{attribute.Value}\": {error}");
        switch (attribute.Key)
        {
            case "kind":
                condition.Accept(Subject.Kind, SpanNames.Kinds, attribute);
                break;
            case "status":
                condition.Accept(Subject.Status, SpanNames.Statuses, attribute);
                break;
            case "name":
                condition._subject = Subject.Name;
                break;
            case var key when key.StartsWith("resource.", StringComparison.Ordinal):
                (condition._subject, condition._attribute) = (Subject.Resource, current.Resource.Ask(key["resource.".Length..]));
                break;
            case var key when key.StartsWith("span.", StringComparison.Ordinal):
                (condition._subject, condition._attribute) = (Subject.Span, current.Span.Ask(key["span.".Length..]));
                break;
            default:
                throw new ArgumentException($"filter policy key \"{attribute.Key}\": kind, status, name, resource.… and span.… are known");
        }

        return condition;
    }

    public bool Matches(CurrentSpan current, in SpanFields span) => _subject switch
    {
        Subject.Kind => (uint)span.Kind < (uint)_accepted.Length && _accepted[span.Kind],
        Subject.Status => (uint)span.StatusCode < (uint)_accepted.Length && _accepted[span.StatusCode],
        Subject.Name => Matches(span.Name),
        Subject.Resource => current.Resource.Has(_attribute) && Matches(current.Resource[_attribute]),
        _ => current.Span.Has(_attribute) && Matches(current.Span[_attribute]),
    };

    // Of the few kinds and states each is decided once.
    private void Accept(Subject subject, string[] names, FilterAttribute attribute)
    {
        _subject = subject;
        _accepted = [.. names.Select(name => _pattern is null ? name == attribute.Value : _pattern.IsMatch(name))];
        if (_pattern is null && !_accepted.Contains(true))
            throw new ArgumentException(
                $"filter policy {attribute.Key} \"{attribute.Value}\": one of {string.Join(", ", names)} is expected");
    }

    private bool Matches(ReadOnlySpan<byte> text)
    {
        const int maxOnStack = 512;
        if (_pattern is null) return text.SequenceEqual(_text);
        if (text.Length > maxOnStack) return _pattern.IsMatch(Encoding.UTF8.GetString(text));
        Span<char> chars = stackalloc char[maxOnStack];
        return _pattern.IsMatch(chars[..Encoding.UTF8.GetChars(text, chars)]);
    }
}
