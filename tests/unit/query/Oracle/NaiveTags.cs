using System.Globalization;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Oracle;

/// <summary>Names and values of attributes, collected from plain objects.</summary>
public static class NaiveTags
{
    public static IReadOnlyList<string> Scopes { get; } = ["resource", "span", "event", "link", "instrumentation"];

    public static SortedSet<string> Names(string scope, IEnumerable<TestSpan> spans) =>
        new(AttributesOf(scope, spans).SelectMany(static attributes => attributes).Where(pair => !IsNoServiceName(scope, pair))
            .Select(static pair => pair.Key), StringComparer.Ordinal);

    /// <summary>"type value" of each value.</summary>
    public static SortedSet<string> Values(string scope, string key, IEnumerable<TestSpan> spans) => new(
        AttributesOf(scope, spans).SelectMany(static attributes => attributes)
            .Where(pair => pair.Key == key && !IsNoServiceName(scope, pair))
            .SelectMany(static pair => pair.Value is object[] items ? items : [pair.Value]).Select(Text), StringComparer.Ordinal);

    public static string Text(object value) => value switch
    {
        string text => $"string {text}",
        long number => $"int {number}",
        double number => "float " + number.ToString(CultureInfo.InvariantCulture),
        _ => $"bool {((bool)value ? "true" : "false")}",
    };

    private static IEnumerable<Attributes> AttributesOf(string scope, IEnumerable<TestSpan> spans) => scope switch
    {
        "span" => spans.Select(static span => span.Attributes),
        "resource" => spans.Select(static span => span.Resource.Attributes),
        "instrumentation" => spans.Select(static span => span.Scope.Attributes),
        "event" => spans.SelectMany(static span => span.Events).Select(static e => e.Attributes),
        _ => spans.SelectMany(static span => span.Links).Select(static link => link.Attributes),
    };

    private static bool IsNoServiceName(string scope, (string Key, object Value) pair) =>
        scope == "resource" && pair.Key == "service.name" && pair.Value is "";
}
