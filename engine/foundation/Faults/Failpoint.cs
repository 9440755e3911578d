namespace Tempo.Engine.Foundation;

/// <summary>
/// The places at which a test ends the process or has it meet an error, in the order of the data's way. What has happened when one
/// is reached says <see cref="FailpointTable"/>.
/// </summary>
public enum Failpoint
{
    // The write path.
    IngestJudged,
    IngestLogged,
    IngestLive,

    // The log.
    WalGroupPlaced,
    WalGroupWritten,
    WalGroupSynced,
    WalGroupTold,
    WalSegmentHeader,
    WalSegmentRenamed,
    WalSegmentBegun,
    WalSpareAllocated,
    WalFileReleased,
    WalReleaseSynced,
    WalEpochNamed,

    // Recovery.
    RecoveryLookedUp,
    RecoveryRecord,
    RecoveryReplayed,
    RecoveryDone,

    // Cuts.
    CutSealed,
    CutBlockWritten,
    CutBlocksWritten,
    CutSwapped,
    CutReleased,

    // Blocks.
    BlockPageWritten,
    BlockRowGroupWritten,
    BlockFooterWritten,
    BlockDataPut,
    BlockBloomPut,
    BlockSidecarPut,
    BlockIndexPut,
    BlockOriginsPut,
    BlockMetaNext,
    BlockMetaPut,

    // Objects on the local disk.
    ObjectCreated,
    ObjectSynced,
    ObjectRenamed,
    ObjectMoved,
    ObjectDeleted,

    // Compaction.
    CompactionOpened,
    CompactionWritten,
    CompactionSwapped,
    CompactionMarked,
    CompactionRetired,
    CompactionSettling,

    // Retention.
    RetentionChosen,
    RetentionObject,
    RetentionEmptied,
    RetentionDeleted,

    // Tenant indexes.
    IndexBegun,
    IndexHalf,
    IndexWritten,

    // Uploads.
    UploadBegun,
    UploadObject,
    UploadCopied,
    UploadSwapped,
    UploadLocalObject,

    // Deleted traces.
    DeletionNext,
    DeletionNoted,
    DeletionInForce,
    DeletionFound,

    // The queue of generated metrics.
    QueueSegment,
    QueueAppended,
    QueueSynced,
    QueueSent,
    QueueAdvanced,
}
