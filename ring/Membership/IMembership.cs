namespace Tempo.Ring.Membership;

/// <summary>
/// Knows the members.
/// <list type="bullet">
/// <item><see cref="View"/> is the last that is known, and stays so while whoever knows better cannot be asked.</item>
/// <item>A member that goes without a word is forgotten by itself; that it did so is remembered in the view for a while.</item>
/// <item>All methods may be called from any thread.</item>
/// </list>
/// </summary>
public interface IMembership : IAsyncDisposable
{
    /// <summary>All members that are known, this one among them.</summary>
    MembershipView View { get; }

    /// <summary>The members were heard of, once at least.</summary>
    bool IsHeard { get; }

    /// <summary>Says this member's name, its state and what it does; again for another state.</summary>
    Task AnnounceAsync(Member self, CancellationToken cancellation);

    /// <summary>Takes this member's name out.</summary>
    Task LeaveAsync(CancellationToken cancellation);

    /// <summary>How it knows, for people: <c>static</c>, or the service and its state.</summary>
    string Describe();
}

/// <summary>The members at one moment.</summary>
/// <param name="Members">By name.</param>
/// <param name="Lost">
/// Holders that went without leaving, a short time ago, and former disks of those that came back without: spans may be on them alone. Each
/// name stands for one copy.
/// </param>
public sealed record MembershipView(IReadOnlyList<Member> Members, IReadOnlyList<string> Lost)
{
    public static readonly MembershipView Empty = new([], []);
}
