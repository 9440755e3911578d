namespace Tempo.Ring.Membership;

/// <summary>Where a member is in its life.</summary>
public enum MemberState
{
    /// <summary>It has said its name and takes nothing yet.</summary>
    Joining,

    /// <summary>It takes and answers everything.</summary>
    Active,

    /// <summary>It takes nothing new, and answers until what it has is in the shared store.</summary>
    Leaving,
}

/// <summary>What a member does for the ring.</summary>
[Flags]
public enum MemberRoles
{
    None = 0,

    /// <summary>Takes spans, keeps them until they are in the shared store, and answers for them (Tempo's ingester, live-store).</summary>
    Holder = 1,

    /// <summary>Compacts, retains, deletes (Tempo's compactor, backend-worker).</summary>
    Compactor = 2,

    /// <summary>Takes requests from senders (Tempo's distributor).</summary>
    Receiver = 4,

    /// <summary>Answers queries, and parts of others' (Tempo's querier, query-frontend).</summary>
    Querier = 8,

    /// <summary>What is known; others' bits are of a later version.</summary>
    All = Holder | Compactor | Receiver | Querier,
}

/// <summary>A node of the ring as the others see it.</summary>
/// <param name="Id">Its name; no two have the same.</param>
/// <param name="Address">Host and port where other nodes reach it.</param>
/// <param name="Zone">What it may go down with; empty: nobody knows.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="Roles">What it does.</param>
/// <param name="TokenCount">Its share of the places, against the others' (128 as a rule).</param>
public sealed record Member(
    string Id, string Address, string Zone, MemberState State, MemberRoles Roles, int TokenCount = Member.UsualTokens)
{
    /// <summary>With 128 tokens each, the shares of members differ by some 9 percent (one standard deviation).</summary>
    public const int UsualTokens = 128;

    public const int MaxTokens = 4096;

    /// <summary>Unix seconds of when it said its name.</summary>
    public long RegisteredAt { get; init; }

    /// <summary>
    /// The identity of its log, hexadecimal: another one is another disk, which has nothing of what was on the first. Empty: it did not
    /// say.
    /// </summary>
    public string Log { get; init; } = "";

    /// <summary>All that it had is in the shared store.</summary>
    public bool IsDrained { get; init; }

    public bool IsHolder => (Roles & MemberRoles.Holder) != 0;

    public bool IsReceiver => (Roles & MemberRoles.Receiver) != 0;

    public bool IsQuerier => (Roles & MemberRoles.Querier) != 0;

    public bool IsCompactor => (Roles & MemberRoles.Compactor) != 0;
}
