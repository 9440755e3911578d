namespace Tempo.Host.Diff;

/// <summary>A trace in figures; nanoseconds.</summary>
internal readonly record struct TraceFigures(int Errors, double DurationNano, double SumNano)
{
    public static TraceFigures Of(DiffTree tree)
    {
        var (errors, sum) = (0, 0.0);
        foreach (var node in tree.Nodes)
        {
            if (node.IsError) errors++;
            sum += node.Span.DurationNano;
        }

        return new TraceFigures(errors, tree.DurationNano, sum);
    }
}

/// <summary>What a diff says of one service.</summary>
internal sealed class ServiceFigures(string name)
{
    public string Name { get; } = name;

    /// <summary>Sum over its spans, the other trace's less the base's.</summary>
    public double DeltaNano { get; private set; }
    public int Modified { get; private set; }
    public int Added { get; private set; }
    public int Removed { get; private set; }

    /// <summary>Spans that fail in the other trace and do not, or are not there, in the base.</summary>
    public int NewErrors { get; private set; }
    public int ResolvedErrors { get; private set; }

    public bool IsChanged => Modified + Added + Removed + NewErrors + ResolvedErrors > 0;

    public static IReadOnlyCollection<ServiceFigures> Of(TraceDiff diff)
    {
        var services = new Dictionary<string, ServiceFigures>(StringComparer.Ordinal);
        ServiceFigures Service(DiffNode node)
        {
            if (!services.TryGetValue(node.Key.Service, out var service))
                services.Add(node.Key.Service, service = new ServiceFigures(node.Key.Service));
            return service;
        }

        foreach (var (before, after, changes) in diff.Matched)
        {
            var service = Service(before);
            service.DeltaNano += (double)after.Span.DurationNano - before.Span.DurationNano;
            if (changes.Count > 0) service.Modified++;
            if (after.IsError && !before.IsError) service.NewErrors++;
            if (before.IsError && !after.IsError) service.ResolvedErrors++;
        }

        foreach (var node in diff.Added)
        {
            var service = Service(node);
            service.Added++;
            service.DeltaNano += node.Span.DurationNano;
            if (node.IsError) service.NewErrors++;
        }

        foreach (var node in diff.Removed)
        {
            var service = Service(node);
            service.Removed++;
            service.DeltaNano -= node.Span.DurationNano;
            if (node.IsError) service.ResolvedErrors++;
        }

        return services.Values;
    }
}
