using Tempo.Host.Startup;

namespace Tempo.Host.Config;

/// <summary>What a process does of what there is to do.</summary>
/// <param name="Receives">Takes spans from senders.</param>
/// <param name="Holds">Keeps spans until they are in the store.</param>
/// <param name="Queries">Answers queries of users.</param>
/// <param name="Compacts">Looks after the store.</param>
internal sealed record TargetParts(bool Receives, bool Holds, bool Queries, bool Compacts)
{
    public bool IsAll => this is { Receives: true, Holds: true, Queries: true, Compacts: true };
}

/// <summary>Tempo's targets, those of 2.x and those of 3.x for the same parts.</summary>
internal static class Targets
{
    private static readonly TargetParts All = new(true, true, true, true);
    private static readonly TargetParts Holder = new(false, true, false, false);
    private static readonly TargetParts Querier = new(false, false, true, false);
    private static readonly TargetParts Compactor = new(false, false, false, true);

    // A process of its own kind, outside of the ring.
    private static readonly TargetParts Generator = new(true, false, false, false);

    private static readonly (string Name, TargetParts Parts)[] Known =
    [
        ("all", All),
        ("scalable-single-binary", All),
        ("distributor", new TargetParts(true, false, false, false)),
        ("ingester", Holder),
        ("live-store", Holder),
        ("querier", Querier),
        ("query-frontend", Querier),
        ("compactor", Compactor),
        ("backend-worker", Compactor),
        ("backend-scheduler", Compactor),
        .. GeneratorServer.Targets.Select(static name => (name, Generator)),
    ];

    public static TargetParts Of(string target) => Array.Find(Known, known => known.Name == target).Parts;

    public static string? Set(HostOptions options, string text)
    {
        if (Check(text) is { } wrong) return wrong;
        options.Target = text;
        return null;
    }

    /// <summary>What is wrong with the name of a target; null: nothing.</summary>
    public static string? Check(string text)
    {
        if (text == "block-builder")
            return "block-builder: blocks are built by the ingesters, there is nothing left for a service of its own";
        return Array.Exists(Known, known => known.Name == text)
            ? null
            : $"unknown value {GoText.Quote(text)}, known are {string.Join(", ", Known.Select(static known => known.Name))}";
    }
}
