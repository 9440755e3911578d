using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Node.Promotion;

/// <summary>
/// Counts which span attributes a tenant's queries name. Bounded: when it is full all counts are halved and those that are
/// then nothing go, so that what is asked again and again stays. Thread safe.
/// </summary>
internal sealed class AskedAttributes
{
    private const int MaxNames = 256;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Counts the attributes of a query once each; a text that is no query names none.</summary>
    public void Add(string query)
    {
        if (query.Length == 0 || !TraceQlParser.TryParse(query, out var parsed, out _)) return;
        var names = (parsed.Metrics is { } metrics ? ReferencedAttributes.Of(metrics) : ReferencedAttributes.Of(parsed.SearchPipeline))
            .Where(static field => field.Scope is AttributeScope.Span or AttributeScope.Unscoped).Select(static field => field.Name)
                .Distinct().Take(MaxNames);
        lock (_lock)
        {
            foreach (var name in names)
            {
                if (!_counts.ContainsKey(name) && _counts.Count >= MaxNames) Halve();
                _counts[name] = _counts.GetValueOrDefault(name) + 1;
            }
        }
    }

    public long CountOf(string name)
    {
        lock (_lock) return _counts.GetValueOrDefault(name);
    }

    private void Halve()
    {
        foreach (var (name, count) in _counts.ToList())
            if (count / 2 == 0) _counts.Remove(name);
            else _counts[name] = count / 2;
    }
}
